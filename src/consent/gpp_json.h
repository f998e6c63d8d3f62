/*
 * gpp_json.h
 *	  A GPP string as JSON, in the names of its specification.
 *
 * Pure C: no server header, no I/O; memory only the buffer's.
 */
#ifndef ECAPI_GPP_JSON_H
#define ECAPI_GPP_JSON_H

#include "consent/gpp.h"
#include "event/buffer.h"

/*
 * Write a string as an object: "header" (but of a TC string by itself), and a member for each
 * section that can be decoded, under its name.  A section that is broken is null, one of an
 * id that is not known is left out.  What is absent has the defaults of the official
 * libraries: a segment that is not there its type, false, and no ids.
 */
extern void ecapi_gpp_json(EcapiBuffer *json, const EcapiGpp *gpp);

/*
 * What is wrong with a section: a constant text; NULL: nothing, or its id is not known.
 */
extern const char *ecapi_gpp_section_problem(const EcapiGppSection *section);

#endif							/* ECAPI_GPP_JSON_H */
