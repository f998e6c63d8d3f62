/*
 * clock.c
 *	  A wall clock that a test can set: a library to preload into a server.
 *
 * The file that ECAPI_TEST_CLOCK names holds eight bytes: by how many
 * microseconds the clock is off, a native signed integer.  It is mapped when the
 * library is loaded, so every process of the server follows it from one call to the
 * next.  Clocks that only measure spans are left alone, as they would be when
 * somebody sets the machine's clock.
 *
 * Without the variable, or when the file cannot be mapped, the clock is right.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *off_us;

__attribute__((constructor)) static void
map_offset(void)
{
	const char *path = getenv("ECAPI_TEST_CLOCK");
	int			fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void	   *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		off_us = map;
}

/* The machine's clock and what it is off, in microseconds since 1970. */
static int64_t
now_us(void)
{
	static int	(*real) (clockid_t, struct timespec *);
	struct timespec at;

	if (real == NULL)
		real = (int (*) (clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
	real(CLOCK_REALTIME, &at);
	return (int64_t) at.tv_sec * 1000000 + at.tv_nsec / 1000 + (off_us ? *off_us : 0);
}

int
gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	int64_t		us = now_us();

	(void) zone;
	at->tv_sec = us / 1000000;
	at->tv_usec = us % 1000000;
	return 0;
}

time_t
time(time_t *at)
{
	time_t		now = now_us() / 1000000;

	if (at != NULL)
		*at = now;
	return now;
}

int
clock_gettime(clockid_t clock, struct timespec *at)
{
	static int	(*real) (clockid_t, struct timespec *);
	int64_t		us;

	if (real == NULL)
		real = (int (*) (clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
	if (clock != CLOCK_REALTIME)
		return real(clock, at);
	us = now_us();
	at->tv_sec = us / 1000000;
	at->tv_nsec = us % 1000000 * 1000;
	return 0;
}
