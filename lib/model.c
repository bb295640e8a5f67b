#include "fmnist.h"
