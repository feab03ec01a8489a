#ifndef NESTRACE_EXAMPLES_BUILD_AREA_H_
#define NESTRACE_EXAMPLES_BUILD_AREA_H_

int area(int width, int height);

#endif  // NESTRACE_EXAMPLES_BUILD_AREA_H_
