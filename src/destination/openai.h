/*
 * openai.h
 *	  What the files of the format "openai" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_OPENAI_H
#define ECAPI_OPENAI_H

#include "destination/format.h"

/*
 * Why a text cannot name an event of the owner's own: a short lower-case text; NULL: it
 * can, or it is one of OpenAI's names (openai_event.c).
 */
extern const char *ecapi_openai_name_wrong(const char *name);

/* add of the format, see format.h (openai_event.c) */
extern EcapiShaped ecapi_openai_add(EcapiShape *shape, EcapiArena *arena,
									const EcapiValue *event, EcapiBuffer *body,
									const char **reason);

#endif							/* ECAPI_OPENAI_H */
