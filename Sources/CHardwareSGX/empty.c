#include "CHardwareSGX.h"
