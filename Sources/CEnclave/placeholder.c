#include "CEnclave.h"
