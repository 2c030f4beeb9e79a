#include "CSoftwareSGX.h"
