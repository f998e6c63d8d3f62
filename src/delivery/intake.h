/*
 * intake.h
 *	  An answer while it comes in: what is kept of it, and where it ends.
 *
 * The HTTP client feeds header lines and body bytes as they arrive, in any
 * pieces.  Everything is bounded here (see intake.c for the numbers).  When a
 * function returns false the client must give up on the answer; one of the
 * flags then says why.
 *
 * Pure C: no server header, no libcurl header; memory is malloc's.
 */
#ifndef ECAPI_INTAKE_H
#define ECAPI_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef struct EcapiIntake
{
	char	   *body;			/* first part; NUL-terminated when not NULL */
	size_t		body_len;
	size_t		body_size;		/* allocated */
	size_t		body_read;		/* bytes that came, kept or not */
	size_t		headers_read;
	int64_t		retry_after_ms; /* -1: none */
	char		request_id[128];	/* or "" */
	bool		body_flood;
	bool		header_flood;
	bool		no_memory;
} EcapiIntake;

/* Make ready for another answer; memory of the one before is used again. */
extern void ecapi_intake_clear(EcapiIntake *intake);

/* Give back memory beyond keep bytes; 0 gives back all. */
extern void ecapi_intake_shrink(EcapiIntake *intake, size_t keep);

/*
 * One header line, status lines included, with or without its end.  read_date
 * turns an HTTP date (NUL-terminated) into seconds since 1970, or -1.
 */
extern bool ecapi_intake_header(EcapiIntake *intake, const char *line, size_t len,
								time_t (*read_date) (const char *text));

/* A piece of the body. */
extern bool ecapi_intake_body(EcapiIntake *intake, const char *bytes, size_t len);

/* That many bytes of body came over the wire, before decompression. */
extern bool ecapi_intake_wire(EcapiIntake *intake, int64_t bytes);

#endif							/* ECAPI_INTAKE_H */
