int right(void) { return 2; }
