/*
 * codes.c
 *	  Closed lists of codes: currencies, countries, event types, sources.
 *
 * Written from the published lists, not from the extension's own tables: the
 * receiver exists to disagree with them.
 *
 * Two- and three-letter codes are looked up in a table of bits; the words are
 * searched one by one, there are few.
 */
#include "codes.h"

#include <stdint.h>
#include <string.h>

/*
 * ISO 4217, list one (funds and metals included), and the codes withdrawn
 * since 2022 (ANG BGN CUC HRK SLL ZWL), because a sale of that time still
 * carries them.  The two codes that name no money (testing, no currency) are
 * left out.
 */
static const char currencies[] =
	"AEDAFNALLAMDAOAARSAUDAWGAZNBAMBBDBDTBHDBIFBMDBNDBOBBOVBRLBSDBTNBWPBYNBZD"
	"CADCDFCHECHFCHWCLFCLPCNYCOPCOUCRCCUPCVECZKDJFDKKDOPDZDEGPERNETBEURFJDFKP"
	"GBPGELGHSGIPGMDGNFGTQGYDHKDHNLHTGHUFIDRILSINRIQDIRRISKJMDJODJPYKESKGSKHR"
	"KMFKPWKRWKWDKYDKZTLAKLBPLKRLRDLSLLYDMADMDLMGAMKDMMKMNTMOPMRUMURMVRMWKMXN"
	"MXVMYRMZNNADNGNNIONOKNPRNZDOMRPABPENPGKPHPPKRPLNPYGQARRONRSDRUBRWFSARSBD"
	"SCRSDGSEKSGDSHPSLESOSSRDSSPSTNSVCSYPSZLTHBTJSTMTTNDTOPTRYTTDTWDTZSUAHUGX"
	"USDUSNUYIUYUUYWUZSVEDVESVNDVUVWSTXADXAFXAGXAUXBAXBBXBCXBDXCDXCGXDRXOFXPD"
	"XPFXPTXSUXUAYERZARZMWZWG"
	"ANGBGNCUCHRKSLLZWL";

/* ISO 3166-1 alpha-2, officially assigned (249), in lower case as ECAPI wants. */
static const char countries[] =
	"adaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjblbmbnbobqbrbsbtbvbwby"
	"bzcacccdcfcgchcickclcmcncocrcucvcwcxcyczdedjdkdmdodzeceeegeheresetfifjfk"
	"fmfofrgagbgdgegfggghgiglgmgngpgqgrgsgtgugwgyhkhmhnhrhthuidieiliminioiqir"
	"isitjejmjojpkekgkhkikmknkpkrkwkykzlalblclilklrlsltlulvlymamcmdmemfmgmhmk"
	"mlmmmnmompmqmrmsmtmumvmwmxmymznancnenfngninlnonpnrnunzompapepfpgphpkplpm"
	"pnprpsptpwpyqarerorsrurwsasbscsdsesgshsisjskslsmsnsosrssstsvsxsysztctdtf"
	"tgthtjtktltmtntotrtttvtwtzuaugumusuyuzvavcvevgvivnvuwfwsyeytzazmzw";

/* ECAPI 1.0: 28 standard and 17 additional event types. */
static const char *const event_types[] = {
	"purchase", "page_view", "ad_impression", "add_to_wishlist", "add_to_cart",
	"viewed_cart", "viewed_item", "begin_checkout", "add_payment_info",
	"remove_from_cart", "refund", "generate_lead", "qualify_lead",
	"close_convert_lead", "disqualify_lead", "close_unconvert_lead", "sign_up",
	"search", "unlock_achievement", "install", "customize_product", "contact",
	"donate", "find_location", "schedule", "start_trial", "subscribe", "custom",
	"add_shipping_info", "share", "select_content", "select_item",
	"select_promotion", "view_item_list", "view_promotion",
	"view_search_results", "spend_virtual_currency", "earn_virtual_currency",
	"working_lead", "login", "join_group", "level_up", "post_score",
	"tutorial_begin", "tutorial_complete",
	NULL
};

static const char *const sources[] = {
	"email", "website", "app", "phone_call", "chat", "physical_store",
	"system_generated", "business_messaging", "other",
	NULL
};

static uint8_t currency_bits[26 * 26 * 26 / 8 + 1];
static uint8_t country_bits[26 * 26 / 8 + 1];

/* The code as a number in base 26, or -1 when a letter is outside. */
static int
code_number(const char *text, int len, char first_letter)
{
	int			number = 0;

	for (int i = 0; i < len; i++)
	{
		int			digit = text[i] - first_letter;

		if (digit < 0 || digit > 25)
			return -1;
		number = number * 26 + digit;
	}
	return number;
}

void
rcv_codes_init(void)
{
	for (const char *p = currencies; *p != '\0'; p += 3)
	{
		int			n = code_number(p, 3, 'A');

		currency_bits[n / 8] |= 1 << (n % 8);
	}
	for (const char *p = countries; *p != '\0'; p += 2)
	{
		int			n = code_number(p, 2, 'a');

		country_bits[n / 8] |= 1 << (n % 8);
	}
}

bool
rcv_is_currency(const char *text, size_t len)
{
	int			n = len == 3 ? code_number(text, 3, 'A') : -1;

	return n >= 0 && (currency_bits[n / 8] >> (n % 8) & 1);
}

bool
rcv_is_country(const char *text, size_t len)
{
	int			n = len == 2 ? code_number(text, 2, 'a') : -1;

	return n >= 0 && (country_bits[n / 8] >> (n % 8) & 1);
}

static bool
is_among(const char *const *words, const char *text, size_t len)
{
	for (; *words != NULL; words++)
		if (strlen(*words) == len && memcmp(*words, text, len) == 0)
			return true;
	return false;
}

bool
rcv_is_event_type(const char *text, size_t len)
{
	return is_among(event_types, text, len);
}

bool
rcv_is_source(const char *text, size_t len)
{
	return is_among(sources, text, len);
}
