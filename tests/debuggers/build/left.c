int left(void) { return 40; }
