/*
 * ecapi_probe_broken.c
 *	  Mistakes on purpose, to see that a run that looks for mistakes finds them.
 *
 * For tests alone; test/checked.sh says which runs call it.  The library is one of its own,
 * so that nothing that is tested has them in it.
 *
 *	overrun()		write one byte behind the end of memory of the server's, then of the C
 *					library's
 *	shift()			shift a number by more bits than it has
 *
 * A server with assertions sees the first byte when the memory is given back, valgrind both,
 * AddressSanitizer the second, for the server's memory comes in large pieces; UBSan sees the
 * shift.  The bytes belong to nobody and the number is not used, so that a server in which
 * nothing looks goes on.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(ecapi_probe_overrun);
PG_FUNCTION_INFO_V1(ecapi_probe_shift);

/* overrun() returns void */
Datum
ecapi_probe_overrun(PG_FUNCTION_ARGS)
{
	/* volatile, or the compiler sees the end, and UBSan with it; no power of 2, so that what is
	 * behind it is there, and nobody's */
	volatile Size size = 7;
	volatile char *servers = palloc(size);
	volatile char *others = malloc(size);

	if (others == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	servers[size] = 'x';
	pfree((char *) servers);
	others[size] = 'x';
	free((char *) others);
	PG_RETURN_VOID();
}

/* shift() returns void */
Datum
ecapi_probe_shift(PG_FUNCTION_ARGS)
{
	volatile int bits = 40;
	volatile int shifted = 1 << bits;

	(void) shifted;
	PG_RETURN_VOID();
}
