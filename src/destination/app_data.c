/*
 * app_data.c
 *	  What an app says of itself beside its events, as Meta asks it and others copied it.
 *
 * Source: developers.facebook.com, Conversions API, Server Event Parameters; Snap's page
 * "Parameters" has the same members.
 *
 * No I/O, no state, no memory.
 */
#include "destination/app_data.h"

#include <string.h>

#include "destination/member.h"

/* Elements of app_data.extinfo. */
#define EXTINFO		16

static bool
is_flag(const EcapiValue *app, const char *name)
{
	const EcapiValue *value = ecapi_value_get(app, name);

	return value && (value->type == ECAPI_BOOL ||
					 (value->type == ECAPI_NUMBER && value->len == 1 &&
					  (value->text[0] == '0' || value->text[0] == '1')));
}

const EcapiValue *
ecapi_app_data(const EcapiValue *ext)
{
	const EcapiValue *app = ecapi_member_object(ext, "app_data");
	const EcapiValue *info = app ? ecapi_value_get(app, "extinfo") : NULL;

	if (info == NULL || info->type != ECAPI_ARRAY || info->len != EXTINFO ||
		!is_flag(app, "advertiser_tracking_enabled") ||
		!is_flag(app, "application_tracking_enabled"))
		return NULL;
	for (const EcapiValue *text = info->first; text; text = text->next)
	{
		if (text->type != ECAPI_STRING)
			return NULL;
	}
	return strcmp(info->first->text, "a2") == 0 || strcmp(info->first->text, "i2") == 0 ?
		app : NULL;
}
