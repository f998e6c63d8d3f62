/*
 * items.c
 *	  properties.items of an event: what was bought, or looked at.
 *
 * No I/O, no state, no memory but the body's.
 */
#include "destination/items.h"

#include <string.h>

#include "destination/member.h"
#include "event/scan.h"

const EcapiValue *
ecapi_items_of(const EcapiValue *properties)
{
	const EcapiValue *items = ecapi_value_get(properties, "items");

	return items && (items->type == ECAPI_ARRAY || items->type == ECAPI_OBJECT) ? items : NULL;
}

int
ecapi_item_quantity(const EcapiValue *item)
{
	return ecapi_member_number(item, "quantity") == NULL ? 1
		: ecapi_member_integer(item, "quantity", -1);
}

int
ecapi_items_count(const EcapiValue *items)
{
	int			sum = 0;

	for (const EcapiValue *item = ecapi_member_first(items); item;
		 item = ecapi_member_next(items, item))
	{
		int			quantity = ecapi_item_quantity(item);

		if (quantity < 0 || quantity > INT32_MAX - sum)
			return 0;
		sum += quantity;
	}
	return sum;
}

bool
ecapi_items_write(EcapiWriter *writer, const char *name, const EcapiValue *items,
				  void (*write) (EcapiWriter *writer, const EcapiValue *item))
{
	EcapiOpen	open = ecapi_write_open(writer, name, '[');

	for (const EcapiValue *item = ecapi_member_first(items); item;
		 item = ecapi_member_next(items, item))
	{
		if (ecapi_member_text(item, "id") != NULL)
			write(writer, item);
	}
	return ecapi_write_close(writer, open, ']', false);
}

void
ecapi_item_write_id(EcapiWriter *writer, const EcapiValue *item)
{
	ecapi_write_value(writer, NULL, ecapi_member_text(item, "id"));
}

void
ecapi_item_write_quantity(EcapiWriter *writer, const EcapiValue *item)
{
	int			quantity = ecapi_member_integer(item, "quantity", -1);

	if (quantity >= 0)
		ecapi_write_integer(writer, "quantity", quantity);
}

void
ecapi_items_write_count(EcapiWriter *writer, const char *name, const EcapiValue *items)
{
	int			count = ecapi_items_count(items);

	if (count > 0)
		ecapi_write_integer(writer, name, count);
}

void
ecapi_items_write_type(EcapiWriter *writer, const EcapiValue *properties)
{
	const EcapiValue *type = ecapi_member_text(ecapi_member_object(properties, "ext"), "content_type");

	ecapi_write_text(writer, "content_type", type && strcmp(type->text, "product_group") == 0 ?
					 "product_group" : "product");
}
