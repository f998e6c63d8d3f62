/*
 * test_identity.c
 *	  What each format makes of an identifier: forms, digests, what is left out, and
 *	  that a person is found by every form.
 *
 * The table of vectors below is checked always.  A file of further ones is, where
 * ECAPI_VECTORS names it: a head line, then rows of destination, field, raw text,
 * normal form, SHA-256 and origin, between tabs.
 */
#include "unit.h"

#include "destination/identity.h"
#include "event/person.h"

#define HEX "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"
#define E_ACUTE "\xc3\xa9"

/* Rows of the file of vectors, of all platforms. */
#define FILE_ROWS	60

/* How often something was hashed: the linker sends digest.c through here. */
static int	hashed = 0;

extern int	__real_EVP_DigestInit_ex2(void *context, const void *method, const void *params);
extern int	__wrap_EVP_DigestInit_ex2(void *context, const void *method, const void *params);

int
__wrap_EVP_DigestInit_ex2(void *context, const void *method, const void *params)
{
	hashed++;
	return __real_EVP_DigestInit_ex2(context, method, params);
}

/* ---- vectors ---- */

/* digest NULL: that of the normal form, computed here; "": it leaves clear */
static const struct
{
	const char *format;
	const char *field;			/* below user_data */
	const char *country;
	const char *raw;
	const char *normal;
	const char *digest;
}			vectors[] =
{
	/* the standard's own examples */
	{"ecapi", "customer_identifier", NULL, "User123", "user123",
	"e606e38b0d8c19b24cf0ee3808183162ea7cd63ff7912dbb22b5e803286b4446"},
	{"ecapi", "email_address", NULL, " User@example.com ", "user@example.com", HEX},
	{"ecapi", "phone_numbers", NULL, "+1 212-555-0000", "+12125550000",
	"7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e"},
	{"ecapi", "address.first_name", NULL, " Jane ", "jane",
	"81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2"},
	{"ecapi", "address.last_name", NULL, " Smith ", "smith",
	"6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd"},
	{"ecapi", "gender", NULL, " Female ", "female",
	"9f165139a8c2894a47aea23b77d330eca847264224a44d5a17b19db8b9a72c08"},
	{"ecapi", "address.postal_code", NULL, "10001", "10001",
	"e443169117a184f91186b401133b20be670c7c0896f9886075e5d9b81e9d076b"},
	{"ecapi", "address.city", NULL, "New York", "new york", ""},
	{"ecapi", "address.state", NULL, "N.Y.", "ny", ""},
	{"ecapi", "address.country_code", NULL, "Germany", "de", ""},
	{"ecapi", "address.street", NULL, "1 Main St.", "1 main st", NULL},
	{"ecapi", "uids.id", NULL, " U-1", "u-1", NULL},
	{"webhook", "email_address", NULL, "User@example.com", "user@example.com", HEX},
	{"webhook", "address.city", NULL, "New York", "new york", ""},
	{"pubsub", "email_address", NULL, "User@example.com", "user@example.com", HEX},
	{"kafka", "email_address", NULL, "User@example.com", "user@example.com", HEX},

	/* Meta: its page, and what both of its normalizers, or one of them, make */
	{"meta", "email_address", NULL, "John_Smith@gmail.com", "john_smith@gmail.com",
	"62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"},
	{"meta", "email_address", NULL, "J.S+a@gmail.com", "j.s+a@gmail.com", NULL},
	{"meta", "phone_numbers", "us", "(650)555-1212", "16505551212",
	"e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"},
	{"meta", "phone_numbers", NULL, "+49 (0)711 123456", "49711123456", NULL},
	{"meta", "phone_numbers", "de", "0711 123456", "49711123456", NULL},
	{"meta", "address.first_name", NULL, "Mary", "mary",
	"6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"},
	{"meta", "address.first_name", NULL, "Val" E_ACUTE "ry", "val" E_ACUTE "ry",
	"08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"},
	{"meta", "address.first_name", NULL, "\xec\xa0\x95", "\xec\xa0\x95",
	"8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"},
	{"meta", "address.first_name", NULL, "Jean-Luc", "jeanluc",
	"7fef38066db9900f992fa9926eea8cc648f44c2af50c4d511c415422196c8ef5"},
	{"meta", "address.first_name", NULL, "Ann Marie", "annmarie",
	"2322d03565a46ece1e31e5ef0d5f79f5a0ee0dc96ff666e52948e52e0298850e"},
	{"meta", "address.first_name", NULL, "Ann\xc2\xa0Marie", "annmarie",
	"2322d03565a46ece1e31e5ef0d5f79f5a0ee0dc96ff666e52948e52e0298850e"},
	{"meta", "address.last_name", NULL, "O'Brien", "obrien",
	"b4cb6cb33fe4b865868de825023a1e2790dc12ac01ecc8d7c5afe8254071c8ba"},
	{"meta", "address.last_name", NULL, "M\xc3\xbcller", "m\xc3\xbcller",
	"2dbd218072117713f2d5996a726a9b216ed791ffd0783b6ba4ab6d61b8333192"},
	{"meta", "address.last_name", NULL, "Mu\xcc\x88ller", "m\xc3\xbcller",
	"2dbd218072117713f2d5996a726a9b216ed791ffd0783b6ba4ab6d61b8333192"},
	{"meta", "address.last_name", NULL, "$^`|~+<=>a!\"#%&(b)*,./:;?@[\\]_{}", "ab", NULL},
	{"meta", "address.city", NULL, "St. Louis", "stlouis",
	"8ba24bdf99947996f3000259be455de791b06fcc0e802ce05031030df1ee8ea3"},
	{"meta", "address.city", NULL, "New York", "newyork",
	"350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5"},
	{"meta", "address.city", NULL, "San Jos" E_ACUTE, "sanjos" E_ACUTE, NULL},
	{"meta", "address.state", NULL, "California", "ca",
	"6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126"},
	{"meta", "address.state", "us", "New York", "ny",
	"1b06e2003f8420d6fa42badd8f77ec0f706b976b7a48b13c567dc5a559681683"},
	{"meta", "address.state", "us", "N.Y.", "ny", NULL},
	{"meta", "address.state", "us", "Washington, D.C.", "dc", NULL},
	{"meta", "address.state", "ca", "Qu" E_ACUTE "bec", "qc", NULL},
	{"meta", "address.state", "ca", "Newfoundland and Labrador", "nl", NULL},
	{"meta", "address.state", NULL, "British Columbia", "bc", NULL},
	{"meta", "address.state", "de", "Bayern", "bayern", NULL},
	{"meta", "address.state", "de", "Baden-W\xc3\xbcrttemberg", "badenw\xc3\xbcrttemberg", NULL},
	{"meta", "address.state", "bg", "Montana", "montana", NULL},
	{"meta", "address.state", NULL, "NSW", "nsw", NULL},
	{"meta", "address.postal_code", NULL, "94035-1234", "94035",
	"1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e"},
	{"meta", "address.postal_code", "us", "94035 1234", "94035", NULL},
	{"meta", "address.postal_code", "us", "10001", "10001",
	"e443169117a184f91186b401133b20be670c7c0896f9886075e5d9b81e9d076b"},
	{"meta", "address.postal_code", "pr", "00901-1234", "00901", NULL},
	{"meta", "address.postal_code", NULL, "M1 1AE", "m11ae",
	"1dc694c2070e697769fb959b50671d76cafd430d8ca191fbdd0affcaea344ac5"},
	{"meta", "address.postal_code", "gb", "M1 1AE", "m11ae", NULL},
	{"meta", "address.postal_code", "nl", "1012 AB", "1012ab", NULL},
	{"meta", "address.country_code", NULL, "United States", "us",
	"79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"},
	{"meta", "address.country_code", NULL, "DEU", "de", NULL},
	{"meta", "gender", NULL, "Female", "f",
	"252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"},
	{"meta", "gender", NULL, " M ", "m",
	"62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a"},
	{"meta", "gender", NULL, "male", "m", NULL},
	{"meta", "customer_identifier", NULL, " User 123 ", "user123",
	"e606e38b0d8c19b24cf0ee3808183162ea7cd63ff7912dbb22b5e803286b4446"},
	{"meta", "uids.id", NULL, "Cust-42", "cust-42", NULL},

	/* TikTok: its template, and what senders quote of its portal */
	{"tiktok", "email_address", NULL, " Test@Test.com", "test@test.com",
	"f660ab912ec121d1b1e928a0bb4bc61b15f5ad44d5efdc4e1c92a25e99b8e44a"},
	{"tiktok", "customer_identifier", NULL, " UserABC ", "UserABC",
	"cf1c946b7e2c680eae1b76b911030ab8fa12f296c19b906e1896d7f88351c46e"},
	{"tiktok", "uids.id", NULL, "\xc3\x84-1", "\xc3\x84-1", NULL},
	{"tiktok", "phone_numbers", "us", "(212) 555-0000", "+12125550000",
	"7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e"},
	{"tiktok", "address.first_name", NULL, "Jean-Luc", "jeanluc", NULL},
	{"tiktok", "address.city", NULL, "St. Louis", "stlouis", ""},
	{"tiktok", "address.state", NULL, "N.Y.", "ny", ""},
	{"tiktok", "address.country_code", NULL, "USA", "us", ""},
	{"tiktok", "address.postal_code", NULL, "10001-1234", "10001",
	"e443169117a184f91186b401133b20be670c7c0896f9886075e5d9b81e9d076b"},
	{"tiktok", "address.postal_code", "gb", "M1 1AE", "m11ae", NULL},
	{"tiktok", "address.postal_code", "pl", "00-950", "00950", NULL},
	{"tiktok", "address.postal_code", "jp", "\xe3\x80\x92" "100\xe2\x80\x93" "0001", "1000001", NULL},

	/* Snap: its page, with published digests */
	{"snap", "email_address", NULL, "Person@example.com ", "person@example.com",
	"542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"},
	{"snap", "phone_numbers", NULL, "+44 (0)844 412 4653", "448444124653",
	"dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"},
	{"snap", "phone_numbers", "gb", "0844 412 4653", "448444124653", NULL},
	{"snap", "address.first_name", NULL, "John", "john",
	"96d9632f363564cc3032521409cf22a852f2032eec099ed5967c0d000cec607a"},
	{"snap", "address.first_name", NULL, "Rapha\xc3\xabl", "rapha\xc3\xabl",
	"e74bb89e718fe1e19c422a48382870399f8bf7ca8dfa008739e75b0be76627b7"},
	{"snap", "address.city", NULL, "New York", "newyork", NULL},
	{"snap", "address.state", "us", "New York", "ny", NULL},
	{"snap", "address.country_code", NULL, "Germany", "de", NULL},
	{"snap", "address.postal_code", "gb", "M1 1AE", "m11ae", NULL},
	{"snap", "gender", NULL, "Female", "f", NULL},
	{"snap", "customer_identifier", NULL, "Cust-42", "cust-42", NULL},

	/* Google: the tests of its formatter */
	{"microsoft", "email_address", NULL, "Jane.Doe+Shopping@contoso.com", "janedoe@contoso.com",
	"62a8040a00736e70808e43009b5c63c4f6229ced98f486d0968441b292b9858a"},
	{"microsoft", "email_address", NULL, " J. Doe @Contoso.com", "jdoe@contoso.com", NULL},
	{"microsoft", "email_address", NULL, "J" E_ACUTE ".x@contoso.com", "j" E_ACUTE "x@contoso.com", NULL},
	{"microsoft", "phone_numbers", NULL, "+14255551234", "+14255551234",
	"c59475d96e9f01d7d18d06cfad84dd02333207f02c0c2c5663ef2782cda0390e"},

	{"google", "email_address", NULL, "alexz@example.com", "alexz@example.com",
	"509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"},
	{"google", "email_address", NULL, "Cloudy.SanFrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com",
	"223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"},
	{"google", "email_address", NULL, "Cloudy.SanFrancisco+shopping@googlemail.com",
		"cloudysanfrancisco@googlemail.com",
	"332ed5427d17deb381928a719533e85046d68d7e45553abb805852b7d631fcb7"},
	{"google", "email_address", NULL, "user.name+NYC@Example.com", "user.name+nyc@example.com",
	"f109a2a632fbcea5fc82049f50beed3d8621bf9034399f437fb622222acccdac"},
	{"google", "email_address", NULL, " A.B @googlemail.com", "ab@googlemail.com",
	"4d2dfed62b03521c8ff6baa6f5161750ed443a26aaad934c8a9540321eb2d94a"},
	{"google", "email_address", NULL, "u.\xcc\x81.e@gmail.com", "\xc3\xba" "e@gmail.com", NULL},
	{"google", "email_address", NULL, "a.b@mygmail.com", "a.b@mygmail.com", NULL},
	{"google", "phone_numbers", NULL, "+18005550100", "+18005550100",
	"fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"},
	{"google", "phone_numbers", "us", "1 800 555 0100", "+18005550100",
	"fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"},
	{"google", "phone_numbers", NULL, "+1 800-555-0100", "+18005550100",
	"fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"},
	{"google", "address.first_name", NULL, " Mr. Alex   ", "alex",
	"4135aa9dc1b842a653dea846903ddb95bfb8c5a10c504a7fa16e10bc31d1fdf0"},
	{"google", "address.first_name", NULL, " Alex Dr.", "alex dr.",
	"57cb70cc9541a8fa7e7c30b87a4afec7f004bdd1f222617e5ad21118a731c572"},
	{"google", "address.first_name", NULL, " Mralex   ", "mralex",
	"36965a2dc9bbd814e8558a77040c54225c75bdeb80c52c54b1a15f2bb6fc3637"},
	{"google", "address.first_name", NULL, "Mr.Alex", "mr.alex", NULL},
	{"google", "address.first_name", NULL, "Dr. Jean-Luc", "jean-luc", NULL},
	{"google", "address.last_name", NULL, "quinn, jr. dds", "quinn",
	"c512ca0c5c1e71be19f3356821e56732b5fb3ac894b0dbc5846d0b6920106fb3"},
	{"google", "address.last_name", NULL, " Quinn Sr.  ", "quinn",
	"c512ca0c5c1e71be19f3356821e56732b5fb3ac894b0dbc5846d0b6920106fb3"},
	{"google", "address.last_name", NULL, "Quinn-Alex", "quinn-alex",
	"91581930b788bf2fd4ea63d8783c8c3b4c7ac8575461e033d18ee7def6cd49a9"},
	{"google", "address.last_name", NULL, "Boardds", "boardds", NULL},
	{"google", "address.last_name", NULL, "Quinn,III", "quinn", NULL},
	{"google", "address.last_name", NULL, "II", "ii", NULL},
	{"google", "address.last_name", NULL, "O'Brien", "o'brien", NULL},
	{"google", "address.street", NULL, "1 Main St.", "1 main st", NULL},
	{"google", "address.city", NULL, "St. Louis", "st louis", ""},
	{"google", "address.state", NULL, "CA", "ca", ""},
	{"google", "address.country_code", NULL, "us", "US", ""},
	{"google", "address.country_code", NULL, "UK", "GB", ""},
	{"google", "address.postal_code", NULL, " 1229-076 ", "1229-076", ""},
	{"google", "address.postal_code", "us", "10001-1234", "10001-1234", ""},
	{"google", "address.postal_code", "gb", "SW1A 1AA", "SW1A 1AA", ""},

	/* Pinterest: the rules of its description */
	{"pinterest", "gender", NULL, "Non-Binary", "n",
	"1b16b1df538ba12dc3f97edbb85caa7050d46c148134290feba80f8236c83db9"},
	{"pinterest", "gender", NULL, "female", "f", NULL},
	{"pinterest", "address.postal_code", "us", "02134", "02134",
	"1f75e2dac5b82521f112e293235aaeeb5dad684c5ede8469c1ec015b22bba44c"},
	{"pinterest", "address.postal_code", NULL, "10001-1234", "10001", NULL},
	{"pinterest", "address.postal_code", "us", "10001 1234", "10001", NULL},
	{"pinterest", "address.postal_code", "gb", "M1 1AE", "11", NULL},
	{"pinterest", "address.postal_code", "pl", "00-950", "00950", NULL},
	{"pinterest", "ifa", NULL, "EA7583CD-A667-48BC-B806-42ECB2B48606", "ea7583cd-a667-48bc-b806-42ecb2b48606",
	"6cd6140c54b2741b81b0099b232a3ddaeed82df456f43563574877baec22b632"},

	/* Reddit: its page */
	{"reddit", "email_address", NULL, "Al.ice$+Apple@Example.Com", "alice@example.com",
	"ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"},
	{"reddit", "email_address", NULL, " john_doe-x@company.example", "johndoex@company.example", NULL},
	{"reddit", "email_address", NULL, "a.b@sub-domain.example.com", "ab@sub-domain.example.com", NULL},
	{"reddit", "customer_identifier", NULL, " Cust-42 ", "Cust-42",
	"772b91cabe669ed0525030074170426af10a5688a186c35b19bf5e84305ffdd1"},
	{"reddit", "ifa", NULL, "ea7583cd-a667-48bc-b806-42ecb2b48606", "EA7583CD-A667-48BC-B806-42ECB2B48606",
	"70574fa9c8f498a7b2e5c8712b1126de7b1406fd02fdc591821c5bd33092fd1c"},

	/* Amazon: what Segment's sender makes */
	{"amazon", "email_address", NULL, "Ann.Example!@Example.com", "ann.example@example.com",
	"ed8bbed62e5413bda71004ce9dc94605cb9321d340ba1d9c239b099d06bcc38e"},
	{"amazon", "email_address", NULL, "J_\xc3\xa9 o+x@Example.com", "jo+x@example.com", NULL},
	{"amazon", "phone_numbers", NULL, "+1 (212) 555-0000", "12125550000",
	"49ced4d94cc4f2aeaa7b5b53ee2553ac73caf5f9dcb735e52640906929cf443b"},
	{"amazon", "address.street", NULL, "1 Main St.", "1mainst", NULL},
	{"amazon", "address.postal_code", "gb", "SW1A 1AA", "sw1a1aa", NULL},

	/* Google Analytics and OpenAI: what they leave of the standard's form */
	{"ga4", "email_address", NULL, "A.B@gmail.com", "ab@gmail.com", NULL},
	{"ga4", "address.postal_code", "us", "10001-1234", "10001-1234", ""},
	{"ga4", "address.country_code", NULL, "us", "US", ""},
	{"openai", "customer_identifier", NULL, " Cust-42 ", "Cust-42", NULL},
	{"openai", "address.city", NULL, " San Francisco", "San Francisco", ""},

	/* ready-made digests, in either case */
	{"ecapi", "gender", NULL, HEX, HEX, HEX},
	{"ecapi", "address.city", NULL, HEX, HEX, ""},
	{"meta", "email_address", NULL, " B4C9A289323B21A01C3E940F150EB9B8C542587F1ABFD8F0E1CC1FFC5E475514", HEX, HEX},
	{"meta", "customer_identifier", NULL, HEX, HEX, HEX},
	{"meta", "address.first_name", NULL, HEX, HEX, HEX},
	{"meta", "address.postal_code", "us", HEX, HEX, HEX},
	{"google", "phone_numbers", NULL, HEX, HEX, HEX},
	{"google", "address.street", NULL, HEX, HEX, HEX},
};

/* What is left out, and the reason: NULL for none, as there is nothing. */
static const struct
{
	const char *format;
	const char *field;
	const char *country;
	const char *raw;
	const char *reason;
}			left_out[] =
{
	{"meta", "phone_numbers", NULL, HEX, "unusable_digest"},
	{"meta", "gender", NULL, HEX, "unusable_digest"},
	{"meta", "address.city", NULL, HEX, "unusable_digest"},
	{"meta", "address.state", "us", HEX, "unusable_digest"},
	{"meta", "address.country_code", NULL, HEX, "unusable_digest"},
	{"meta", "address.postal_code", NULL, HEX, "unusable_digest"},
	{"meta", "address.postal_code", "gb", HEX, "unusable_digest"},
	{"google", "email_address", NULL, HEX, "unusable_digest"},
	{"google", "address.first_name", NULL, HEX, "unusable_digest"},
	{"google", "address.last_name", NULL, HEX, "unusable_digest"},
	{"google", "address.city", NULL, HEX, "unusable_digest"},
	{"google", "address.state", NULL, HEX, "unusable_digest"},
	{"google", "address.country_code", NULL, HEX, "unusable_digest"},
	{"google", "address.postal_code", "us", HEX, "unusable_digest"},
	{"google", "address.postal_code", NULL, "\xe2\x80\x8f" HEX, "unusable_digest"},
	{"amazon", "phone_numbers", NULL, HEX, "unusable_digest"},
	{"amazon", "address.city", NULL, HEX, "unusable_digest"},
	{"amazon", "email_address", NULL, "\xd0\xb0@example.com", "no_certain_form"},
	{"meta", "gender", NULL, "non-binary", "no_certain_form"},
	{"tiktok", "customer_identifier", NULL, "N/A", "no_certain_form"},
	{"tiktok", "address.postal_code", "us", "1234", "no_certain_form"},
	{"tiktok", "address.city", NULL, HEX, "unusable_digest"},
	{"snap", "address.postal_code", "pl", "00-950", "no_certain_form"},
	{"snap", "gender", NULL, "x", "no_certain_form"},
	{"meta", "address.state", "us", "Bayern", "no_certain_form"},
	{"meta", "address.state", "ca", "California", "no_certain_form"},
	{"meta", "address.postal_code", "pl", "00-950", "no_certain_form"},
	{"meta", "address.postal_code", "pt", "1234-567", "no_certain_form"},
	{"meta", "address.postal_code", "jp", "100\xe2\x80\x93" "0001", "no_certain_form"},
	{"meta", "address.postal_code", "us", "1234", "no_certain_form"},
	{"meta", "address.postal_code", "us", "M1 1AE", "no_certain_form"},
	{"meta", "address.country_code", NULL, "Atlantis", "no_certain_form"},
	{"meta", "customer_identifier", NULL, "not set", "no_certain_form"},
	{"meta", "customer_identifier", NULL, "n / a", "no_certain_form"},
	{"meta", "email_address", NULL, "ann b@example.com", "no_certain_form"},
	{"meta", "phone_numbers", "us", "999-999-9999", "no_certain_form"},
	{"meta", "phone_numbers", NULL, "0711 123456", "country_unknown"},
	{"google", "phone_numbers", NULL, "0711 123456", "country_unknown"},
	{"google", "email_address", NULL, "+a@gmail.com", "no_certain_form"},
	{"google", "email_address", NULL, "ann@localhost", "no_certain_form"},
	{"google", "address.first_name", NULL, "Mrs.", "no_certain_form"},
	{"google", "address.last_name", NULL, ", jr", "no_certain_form"},
	{"google", "address.postal_code", NULL, "\xff", "no_certain_form"},
	{"pinterest", "gender", NULL, "unknown", "no_certain_form"},
	{"pinterest", "address.postal_code", "gb", "AB", "no_certain_form"},
	{"pinterest", "address.postal_code", "us", "1234", "no_certain_form"},
	{"pinterest", "ifa", NULL, "00000000-0000-0000-0000-000000000000", "no_certain_form"},
	{"pinterest", "ifa", NULL, "ea7583cd-a667-48bc-b806-42ecb2b4860", "no_certain_form"},
	{"pinterest", "ifa", NULL, "ea7583cd-a667-48bc-b806-42ecb2b4860g", "no_certain_form"},
	{"pinterest", "ifa", NULL, HEX, "unusable_digest"},
	{"reddit", "email_address", NULL, HEX, "unusable_digest"},
	{"reddit", "email_address", NULL, "._-@example.com", "no_certain_form"},
	{"reddit", "email_address", NULL, "+a@example.com", "no_certain_form"},
	{"reddit", "email_address", NULL, "ren" E_ACUTE "@example.com", "no_certain_form"},
	{"reddit", "customer_identifier", NULL, "(Not Set)", "no_certain_form"},
	{"meta", "address.city", NULL, " - ", NULL},
	{"meta", "address.first_name", NULL, "", NULL},
	{"google", "address.postal_code", NULL, " \t", NULL},
	{"ecapi", "email_address", NULL, " ", NULL},
};

static const EcapiIdentityRule *
rule_of(const char *format, const char *field)
{
	char		path[64];

	snprintf(path, sizeof(path), "user_data.%s", field);
	return ecapi_identity_rule(format, path);
}

/* One vector: the normal form, and what leaves. */
static bool
check_vector(const EcapiIdentityRule *rule, const char *country, const char *raw,
			 const char *normal, const char *digest, const char *what)
{
	EcapiIdentityForm form;
	EcapiViolationCode reason;
	char		hex[ECAPI_HEX_SIZE];
	bool		good;

	if (rule == NULL)
		return check(false, what);
	good = ecapi_identity_normal(rule, raw, strlen(raw), country, &form, &reason) &&
		strcmp(form.text, normal) == 0 && form.len == strlen(normal);
	if (!good)
		fprintf(stderr, "# got    \"%s\"\n# wanted \"%s\"\n", form.text, normal);
	if (digest == NULL)
	{
		ecapi_sha256(normal, strlen(normal), hex);
		digest = hex;
	}
	good &= ecapi_identity_form(rule, NULL, raw, strlen(raw), country, &form, &reason) &&
		rule->hashed == (digest[0] != '\0') &&
		strcmp(form.text, rule->hashed ? digest : normal) == 0 && form.len == strlen(form.text);
	return check(good, what);
}

static void
test_vectors(void)
{
	char		what[256];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		snprintf(what, sizeof(what), "%s %s: %s", vectors[i].format, vectors[i].field, vectors[i].normal);
		check_vector(rule_of(vectors[i].format, vectors[i].field), vectors[i].country,
					 vectors[i].raw, vectors[i].normal, vectors[i].digest, what);
	}
}

static void
test_left_out(void)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
	{
		const EcapiIdentityRule *rule = rule_of(left_out[i].format, left_out[i].field);
		EcapiIdentityForm form;
		EcapiViolationCode reason = ECAPI_VIOLATION_TYPE;
		char		what[256];
		bool		good;

		snprintf(what, sizeof(what), "%s %s: \"%.20s\" is left out", left_out[i].format,
				 left_out[i].field, left_out[i].raw);
		good = rule != NULL &&
			!ecapi_identity_form(rule, NULL, left_out[i].raw, strlen(left_out[i].raw),
								 left_out[i].country, &form, &reason);
		if (good && left_out[i].reason == NULL)
			good = form.result == ECAPI_NORMALIZED_EMPTY;
		else if (good)
			good = form.result != ECAPI_NORMALIZED_EMPTY &&
				strcmp(ecapi_violation_name(reason), left_out[i].reason) == 0;
		check(good && form.len == 0 && form.text[0] == '\0', what);
	}
}

/* ---- the table ---- */

static void
test_table(void)
{
	const EcapiIdentityRule *rule;
	const EcapiField *field;
	bool		fields = true;
	bool		sources = true;
	bool		found = true;
	bool		never_clear = true;
	bool		standard = true;
	int			n = 0;

	for (int i = 0; (rule = ecapi_identity_nth(i)) != NULL; i++)
	{
		field = ecapi_field_named(rule->field, strlen(rule->field));
		fields &= field != NULL && strcmp(ecapi_field_path(field), rule->field) == 0;
		sources &= rule->source[0] != '\0';
		found &= ecapi_identity_rule_as(rule->format, rule->field, rule->as) == rule;

		/* Clear are places alone, and a postal code where the platform says so. */
		if (!rule->hashed && strncmp(rule->field, "user_data.address.", 18) != 0)
			never_clear = false;
	}
	check(fields, "each line is about a field of the standard");
	check(sources, "each line has a source");
	check(found, "each line is found, so none stands twice");
	check(never_clear, "nothing but a part of an address leaves clear");
	check(ecapi_identity_nth(-1) == NULL, "there is no line before the first");

	/* The standard's rules are those of the field table, for all that identifies. */
	for (int i = 0; (field = ecapi_field_numbered(i)) != NULL; i++)
	{
		rule = ecapi_identity_rule("ecapi", ecapi_field_path(field));
		if (field->rule == ECAPI_RULE_NONE || field->rule == ECAPI_RULE_CURRENCY)
			standard &= rule == NULL;
		else
		{
			standard &= rule != NULL && rule->rule == field->rule &&
				rule->hashed == (field->privacy == ECAPI_SHA256) &&
				rule->digests == ECAPI_DIGESTS_ALL;
			n++;
		}
	}
	check(standard && n == 12, "the standard's lines say what its field table says");

	check(ecapi_identity_rule("webhook", "user_data.gender") ==
		  ecapi_identity_rule("ecapi", "user_data.gender"), "a webhook has the standard's rules");
	check(ecapi_identity_rule("pubsub", "user_data.gender") ==
		  ecapi_identity_rule("ecapi", "user_data.gender"), "so has Pub/Sub");
	check(ecapi_identity_rule("kafka", "user_data.gender") ==
		  ecapi_identity_rule("ecapi", "user_data.gender"), "so has Kafka");
	check(ecapi_identity_rule("google", "user_data.gender") == NULL, "Google takes no gender");
	check(ecapi_identity_rule("meta", "user_data.address.street") == NULL, "Meta takes no street");
	check(ecapi_identity_rule("meta", "properties.page_url") == NULL, "a page is no identifier");
	check(ecapi_identity_rule("metal", "user_data.gender") == NULL, "an unknown format");
	for (int i = 0; ecapi_identity_format_nth(i, NULL) != NULL; i++)
	{
		const char *name = ecapi_identity_format_nth(i, NULL);

		check(ecapi_identity_format(name, strlen(name)) == name &&
			  ecapi_identity_rule(name, "user_data.email_address") != NULL, name);
	}
	check(ecapi_identity_format("met", 3) == NULL && ecapi_identity_format("meta ", 5) == NULL &&
		  ecapi_identity_format("", 0) == NULL, "no format's name");
}

/* ---- digests ---- */

static bool
form_of(EcapiDigestCache *digests, const char *format, const char *field, const char *raw,
		EcapiIdentityForm *form)
{
	EcapiViolationCode reason;

	return ecapi_identity_form(rule_of(format, field), digests, raw, strlen(raw), NULL, form, &reason);
}

static void
test_shared(void)
{
	static const struct
	{
		const char *one;
		const char *other;
		const char *field;
		const char *raw;
		int			hashes;
	}			cases[] =
	{
		{"ecapi", "meta", "email_address", "Shared@example.com", 1},
		{"ecapi", "webhook", "email_address", "shared2@example.com", 1},
		{"ecapi", "google", "phone_numbers", "+49711123456", 1},
		{"ecapi", "google", "address.street", "Shared Street", 1},
		{"ecapi", "google", "email_address", "apart@example.com", 2},
		{"ecapi", "meta", "phone_numbers", "+49711123457", 2},
		{"ecapi", "meta", "address.first_name", "Apart", 2},
	};
	EcapiArena	arena;
	EcapiDigestCache *digests;
	EcapiIdentityForm form;

	ecapi_arena_init(&arena, unit_grab, NULL);
	digests = ecapi_digest_cache_create(&arena, 1024);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int			before = hashed;

		form_of(digests, cases[i].one, cases[i].field, cases[i].raw, &form);
		form_of(digests, cases[i].other, cases[i].field, cases[i].raw, &form);
		form_of(digests, cases[i].one, cases[i].field, cases[i].raw, &form);
		check(hashed - before == cases[i].hashes, cases[i].raw);
	}
	unit_free();
}

/* Random bytes: what a rule hashes leaves as a digest or not at all. */
static void
test_never_clear(void)
{
	static const char *const pieces[] = {
		"a", "Z", "0", "7", " ", ".", "-", "+", "@", "gmail.com", "example.com", "jr", "mr. ", ",",
		"\xc3\x9c", "\xcc\x88", "\xcd\xbe", "\xff", "\xe2\x80\x8d", "us", HEX, "'", "\xef\xbc\x91"
	};
	const EcapiIdentityRule *rule;
	unsigned	seed = getenv("SEED") ? (unsigned) atoi(getenv("SEED")) : 20260101u;
	bool		closed = true;

	printf("# seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++)
	{
		char		raw[1024] = "";
		EcapiIdentityForm form;
		EcapiViolationCode reason;
		bool		leaves;

		for (int n = rand() % 12; n > 0; n--)
			strcat(raw, pieces[(size_t) rand() % (sizeof(pieces) / sizeof(pieces[0]))]);
		for (int i = 0; (rule = ecapi_identity_nth(i)) != NULL; i++)
		{
			leaves = ecapi_identity_form(rule, NULL, raw, strlen(raw), rand() % 2 ? "us" : NULL,
										 &form, &reason);
			if (leaves ? form.len == 0 || (rule->hashed && strspn(form.text, "0123456789abcdef") != 64)
				: form.len != 0)
				closed = false;
			closed &= form.len == strlen(form.text);
			if (!closed)
			{
				fprintf(stderr, "# %s %s: \"%s\" -> \"%s\"\n", rule->format, rule->field, raw, form.text);
				check(false, "what is hashed leaves as a digest or not at all");
				return;
			}
		}
	}
	check(closed, "what is hashed leaves as a digest or not at all");
}

/* ---- forgetting ---- */

static bool
meets(const char *given, const char *event)
{
	EcapiArena	arena;
	EcapiPerson person;
	bool		met;

	ecapi_arena_init(&arena, unit_grab, NULL);
	met = ecapi_person_init(&person, given, strlen(given), NULL) == ECAPI_PERSON_KNOWN &&
		ecapi_person_in_event(&person, unit_json(&arena, event), &arena);
	unit_free();
	return met;
}

/* An event with one value of a field. */
static void
write_event(char *event, size_t size, const char *path, const char *value)
{
	const char *field = path + strlen("user_data.");

	if (strcmp(field, "uids.id") == 0)
		snprintf(event, size, "{'user_data': {'uids': [{'id': '%s'}]}}", value);
	else
		snprintf(event, size, "{'user_data': {'%s': ['%s']}}", field, value);
}

/*
 * Whatever form a format sends of what identifies, its digest finds the clear event, and
 * the clear identifier finds an event that holds the digest.
 */
static void
test_forgetting(void)
{
	static const char *const samples[] = {
		"Ann.Smith+shop@Gmail.com", "Jane.Doe+x@contoso.example", "ann @example.com", " Mixed.Case_x-1@Sub.Example.org ",
		"+49 (0)711 12-34-56", "00 1 212 555 0000", "Cust 77 b", " UID-9 ", "User123",
		"john_doe-x@company.example", " ea7583cd-A667-48BC-B806-42ECB2B48606"
	};
	const EcapiIdentityRule *rule;
	char		event[256];
	char		what[256];
	int			n = 0;

	for (int i = 0; (rule = ecapi_identity_nth(i)) != NULL; i++)
	{
		if (!ecapi_person_identified_by(rule->field))
			continue;
		for (size_t k = 0; k < sizeof(samples) / sizeof(samples[0]); k++)
		{
			EcapiIdentityForm form;
			EcapiViolationCode reason;

			if (!ecapi_identity_form(rule, NULL, samples[k], strlen(samples[k]), NULL, &form, &reason))
				continue;
			snprintf(what, sizeof(what), "%s %s, %s: ", rule->format, rule->field, samples[k]);
			write_event(event, sizeof(event), rule->field, samples[k]);
			check(meets(form.text, event), strcat(what, "by its digest"));
			write_event(event, sizeof(event), rule->field, form.text);
			check(meets(samples[k], event), strcat(what, " and as one"));
			n++;
		}
	}
	check(n > 20, "there were such forms");
	write_event(event, sizeof(event), "user_data.email_address", HEX);
	check(!meets("other@example.com", event), "not another's");
	write_event(event, sizeof(event), "user_data.email_address", "johndoe@example.com");
	check(!meets("john_doe@example.com", event) && !meets("john.doe+x@example.com", event),
		  "a form that two persons share is nobody's where both are known");
	write_event(event, sizeof(event), "user_data.email_address", "John_Doe+x@example.com");
	check(!meets("johndoe@example.com", event) && !meets("john-doe@example.com", event), "nor the other way");
}

/* ---- vectors of a file ---- */

/* What platforms call a field; field NULL: the standard has none, so nothing is sent. */
static const struct
{
	const char *name;
	const char *field;
	const char *other;			/* sent in the same place; or NULL */
}			names[] =
{
	{"email", "email_address", NULL},
	{"em", "email_address", NULL},
	{"phone", "phone_numbers", NULL},
	{"ph", "phone_numbers", NULL},
	{"customer_identifier", "customer_identifier", NULL},
	{"external_id", "customer_identifier", "uids.id"},
	{"hashed_maids", "ifa", NULL},
	{"idfa", "ifa", NULL},
	{"aaid", "ifa", NULL},
	{"gender", "gender", NULL},
	{"ge", "gender", NULL},
	{"first_name", "address.first_name", NULL},
	{"given_name", "address.first_name", NULL},
	{"fn", "address.first_name", NULL},
	{"last_name", "address.last_name", NULL},
	{"family_name", "address.last_name", NULL},
	{"ln", "address.last_name", NULL},
	{"ct", "address.city", NULL},
	{"st", "address.state", NULL},
	{"zp", "address.postal_code", NULL},
	{"zip_code", "address.postal_code", NULL},
	{"postal_code", "address.postal_code", NULL},
	{"country", "address.country_code", NULL},
	{"db", NULL, NULL},
};

/* Rows name no country: a number without "+" is of the one that has a form for it. */
static const char *
country_of(const EcapiIdentityRule *rule, const char *raw)
{
	static const char *const countries[] = {"us", "gb"};
	EcapiIdentityForm form;
	EcapiViolationCode reason;

	if (rule == NULL || ecapi_identity_form(rule, NULL, raw, strlen(raw), NULL, &form, &reason))
		return NULL;
	for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++)
		if (ecapi_identity_form(rule, NULL, raw, strlen(raw), countries[i], &form, &reason))
			return countries[i];
	return NULL;
}

static void
check_row(char *const cell[5])
{
	char		what[512];
	char		hex[ECAPI_HEX_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const char *fields[2] = {names[i].field, names[i].other};

		if (strcmp(names[i].name, cell[1]) != 0)
			continue;
		snprintf(what, sizeof(what), "%s %s: %s", cell[0], cell[1], cell[3]);
		if (names[i].field == NULL)
			check(ecapi_sha256(cell[3], strlen(cell[3]), hex) && strcmp(hex, cell[4]) == 0,
				  strcat(what, ", which is no field of the standard"));
		for (int k = 0; k < 2 && fields[k] != NULL; k++)
		{
			char		path[64];
			const EcapiIdentityRule *rule;

			snprintf(path, sizeof(path), "user_data.%s", fields[k]);
			rule = ecapi_identity_rule_as(cell[0], path, cell[1]);
			check_vector(rule, country_of(rule, cell[2]), cell[2], cell[3], cell[4], what);
		}
		return;
	}
	snprintf(what, sizeof(what), "%s calls a field %s", cell[0], cell[1]);
	check(false, what);
}

static void
test_file(const char *name)
{
	FILE	   *file = fopen(name, "r");
	char		line[4096];
	char		empty[] = "";
	int			rows = 0;

	if (!check(file != NULL, "the file of vectors can be read"))
		return;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char	   *cell[5];
		char	   *at = line;

		for (int i = 0; i < 5; i++)
			cell[i] = at != NULL ? strsep(&at, "\t") : empty;
		if (strcmp(cell[0], "destination") == 0)
			continue;
		if (check(ecapi_identity_format(cell[0], strlen(cell[0])) != NULL, cell[0]))
			check_row(cell);
		rows++;
	}
	fclose(file);
	check(rows == FILE_ROWS, "it has all rows");
}

int
main(void)
{
	test_vectors();
	test_left_out();
	test_table();
	test_shared();
	test_never_clear();
	test_forgetting();
	if (getenv("ECAPI_VECTORS") != NULL)
		test_file(getenv("ECAPI_VECTORS"));
	return unit_done();
}
