// See early_end.h.

#include "early_end.h"
