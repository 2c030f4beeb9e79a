#include "CTestEnclave.h"

extern const uint8_t test_enclave_start[], test_enclave_enclu[], test_enclave_eexit[],
    test_enclave_run_instructions[], test_enclave_spin_loop[], test_enclave_spin_end[],
    test_enclave_leave[];

const uint8_t *test_enclave_bytes(void) { return test_enclave_start; }
static uint64_t offset(const uint8_t *label) { return (uint64_t)(label - test_enclave_start); }
uint64_t test_enclave_enclu_offset(void) { return offset(test_enclave_enclu); }
uint64_t test_enclave_eexit_offset(void) { return offset(test_enclave_eexit); }
uint64_t test_enclave_instructions_offset(void) { return offset(test_enclave_run_instructions); }
uint64_t test_enclave_spin_offset(void) { return offset(test_enclave_spin_loop); }
uint64_t test_enclave_spin_end_offset(void) { return offset(test_enclave_spin_end); }
uint64_t test_enclave_leave_offset(void) { return offset(test_enclave_leave); }
