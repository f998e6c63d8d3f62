/*
 * generate.js - events for the oracles, as JSON lines.
 *
 *	node generate.js SEED COUNT NOW
 *
 * COUNT events g-1, g-2, ..., the same for the same seed and time (seconds since 1970; they
 * happened in the two days before it), and those of cases.js behind them.
 *
 * Identifiers are drawn from what both of Meta's normalizers make the same of: names of
 * one ASCII word, telephone numbers with a country code, postal codes of five digits,
 * countries of two letters.  meta.js finds it out when one is not.
 */
'use strict';

const { cases } = require('./cases.js');

const [seed, count, now] = process.argv.slice(2).map(Number);

/* mulberry32: 32 bits of state, and the same everywhere. */
let state = seed >>> 0;

function random()
{
	let t = (state = (state + 0x6d2b79f5) >>> 0);

	t = Math.imul(t ^ (t >>> 15), t | 1);
	t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
	return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const below = (n) => Math.floor(random() * n);
const one = (list) => list[below(list.length)];
const often = (share) => random() < share;
const digits = (n) => Array.from({ length: n }, () => below(10)).join('');
const cents = (max) => (1 + below(max * 100)) / 100;
const letters = (n) => Array.from({ length: n }, () => one('ABCDEFabcdefghiXYZ0123456789')).join('');
const several = (max, make) => Array.from({ length: 1 + below(max) }, make);

/* A text as somebody typed it: letter case and blanks at its ends do not count. */
const typed = (text) => one([text, text, text.toUpperCase(), ` ${text}`, `${text}  `, text.toLowerCase()]);

const types = ['purchase', 'page_view', 'ad_impression', 'add_to_wishlist', 'add_to_cart', 'viewed_cart',
	'viewed_item', 'begin_checkout', 'add_payment_info', 'remove_from_cart', 'refund', 'generate_lead',
	'qualify_lead', 'close_convert_lead', 'disqualify_lead', 'close_unconvert_lead', 'sign_up', 'search',
	'unlock_achievement', 'install', 'customize_product', 'contact', 'donate', 'find_location', 'schedule',
	'start_trial', 'subscribe', 'custom', 'add_shipping_info', 'share', 'select_content', 'select_item',
	'select_promotion', 'view_item_list', 'view_promotion', 'view_search_results',
	'spend_virtual_currency', 'earn_virtual_currency', 'working_lead', 'login', 'join_group', 'level_up',
	'post_score', 'tutorial_begin', 'tutorial_complete'];

/* Types that some platforms do special things with. */
const frequent = ['purchase', 'purchase', 'purchase', 'sign_up', 'refund'];
const firstNames = ['Ann', 'Bob', 'Carla', 'Dmitri', 'Eve', 'Farid', 'Grace', 'Hugo', 'Ines', 'Jan'];
const lastNames = ['Example', 'Smith', 'Mueller', 'Okafor', 'Rossi', 'Novak', 'Tanaka', 'Silva'];
const domains = ['example.com', 'Example.org', 'gmail.com', 'googlemail.com', 'mail.example.net'];
const agents = ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
	'Shop/4.2 (iPhone; iOS 18.1)'];
const places = [
	['us', 'Springfield', 'IL'], ['US', 'Boston', 'ma'], ['us', 'Denver', 'CO'], ['us', 'Austin', 'TX'],
	['de', 'Stuttgart', null], ['DE', 'Berlin', null], ['fr', 'Lyon', null], ['it', 'Roma', 'rm'],
	['es', 'Madrid', null], ['mx', 'Puebla', null]
];

function email(first, last)
{
	return typed(`${first}${one(['.', '_', '', '-'])}${last}${one(['', '', '+shop', '7'])}@${one(domains)}`);
}

function phone()
{
	const [area, exchange, line] = [one(['212', '415', '303', '617']), `5${digits(2)}`, digits(4)];

	return one([`+1 (${area}) ${exchange}-${line}`, `+1${area}${exchange}${line}`,
		`+1-${area}-${exchange}-${line}`, `+1 ${area} ${exchange} ${line}`, `+49 711 ${digits(7)}`,
		`+33 1 ${1 + below(9)}${digits(7)}`]);
}

function address(first, last, [country, city, region])
{
	const made = { country_code: country };

	if (often(0.8))
		Object.assign(made, { first_name: typed(first), last_name: typed(last) });
	if (often(0.8))
		made.city = typed(city);
	if (region && often(0.8))
		made.state = region;
	if (often(0.8))
		made.postal_code = `${1 + below(9)}${digits(4)}`;
	if (often(0.3))
		made.street = `${1 + below(99)} Main St.`;
	return made;
}

const ip = () => (often(0.8) ? `203.0.113.${below(256)}` : `2001:db8::${1 + below(9)}:${1 + below(9)}`);

/* Click and browser ids of platforms that Meta and Google know nothing of. */
const hex = (n) => Array.from({ length: n }, () => one('0123456789abcdef')).join('');
const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
const others = {
	ttclid: () => `E.C.P.${letters(20)}`,
	ttp: () => letters(27),
	epik: () => `dj0yJnU9${letters(16)}`,
	sccid: uuid,
	scid: uuid,
	li_fat_id: uuid,
	msclkid: () => `${digits(16)}${digits(16)}`,
	rdt_cid: () => letters(19),
	rdt_uuid: (time) => `${time}000.${uuid()}`,
	ga_session_id: (time) => String(time - below(3600))
};

function clickIds(time)
{
	const ids = {};
	const cookie = () => `fb.1.${time - below(9999)}000.${letters(20)}`;

	if (often(0.5))
		ids[one(['gclid', 'gbraid', 'wbraid', 'dclid'])] = `Cj0K${letters(16)}`;
	if (often(0.3))
		ids.fbc = cookie();
	else if (often(0.3))
		ids.fbclid = `IwAR${letters(20)}`;
	if (often(0.4))
		ids.fbp = `fb.1.${time - below(9999)}000.${digits(10)}`;
	if (often(0.5))
		ids.ga_client_id = `${digits(9)}.${digits(9)}`;
	if (often(0.3))
		ids.ga_app_instance_id = letters(32).toLowerCase();
	for (const [name, make] of Object.entries(others))
		if (often(0.3))
			ids[name] = make(time);
	return ids;
}

function userData(time)
{
	const [first, last, home] = [one(firstNames), one(lastNames), one(places)];
	const user = { email_address: several(2, () => email(first, last)), customer_identifier: `Cust-${digits(6)}`,
		event_user_agent: one(agents), ext: { click_ids: clickIds(time) } };

	if (often(0.6))
		user.phone_numbers = several(3, phone);
	if (often(0.8))
		user.address = several(3, () => address(first, last, often(0.8) ? home : one(places)));
	if (often(0.3))
		user.uids = several(2, () => ({ source: 'crm.example', id: `Uid${digits(5)}` }));
	if (often(0.4))
		user.gender = typed(one(['female', 'male', 'f', 'm']));
	if (often(0.8))
		user.event_ip_address = ip();
	if (often(0.3))
		Object.assign(user, { landing_ip_address: ip(), landing_user_agent: one(agents) });
	if (often(0.2))
		user.ifa = one([uuid(), uuid().toUpperCase()]);
	if (often(0.2))
		user.impression_id = `imp${letters(12)}`;
	if (often(0.1))
		user.mmt_only = true;
	if (often(0.5))
		user.ext.consent = { ad_user_data: often(0.7), ad_personalization: often(0.5) };
	if (often(0.2))
		user.ext.lead_id = 1 + below(1e9);
	if (often(0.2))
		user.ext.user_properties = { customer_type: one(['new', 'returning']), customer_value_bucket: 'high',
			plan: 'pro' };
	return user;
}

function item()
{
	const made = { id: `sku-${digits(3)}`, quantity: 1 + below(4), price: cents(200) };

	if (often(0.7))
		Object.assign(made, { name: one(['Mug', 'Größe XL', 'Plate "blue"', '☕ Crème']), brand: 'Acme' });
	if (often(0.4))
		Object.assign(made, { category: 'Kitchen', item_variant: 'blue', discount: cents(5) });
	return made;
}

/* Properties of the standard that Meta has no name for, and Analytics mostly has. */
const extras = {
	shipping: () => cents(20),
	tax: () => cents(40),
	coupon: () => several(2, (_, i) => `SAVE${i}${digits(2)}`),
	payment_type: () => [one(['card', 'invoice'])],
	shipping_tier: () => one(['express', 'ground']),
	promotion_id: () => `P_${digits(4)}`,
	creative_name: () => 'Sommer – Ende',
	group_id: () => digits(5),
	character_level: () => 1 + below(80),
	login_method: () => 'password',
	lead_source: () => 'fair',
	virtual_currency_name: () => 'gems',
	ad_platform: () => 'own'
};

function properties()
{
	const made = { page_url: `https://shop.example/p/${digits(3)}?q=${digits(2)}` };

	if (often(0.05))
		return made;
	if (often(0.5))
		made.transaction_id = `T-${digits(8)}`;
	if (often(0.5))
		made.items = several(4, item);
	if (often(0.3))
		made.referrer = `https://search.example/?q=${letters(5)}`;
	if (often(0.2))
		made.search_term = one(['blue mug', 'Tasse größer', 'a "b" \\ c']);
	if (often(0.2))
		made.lead_status = 'open';
	if (often(0.2))
		made.ext = { loyalty_tier: one(['gold', 'silver']), visits: below(9), sizes: ['S', 'M'] };
	for (const name of Object.keys(extras))
		if (often(0.15))
			made[name] = extras[name]();
	return made;
}

/* What Meta wants of an app's event: 16 texts about the device. */
const appData = () => ({ advertiser_tracking_enabled: often(0.5) ? 1 : 0, application_tracking_enabled: 1,
	extinfo: [one(['a2', 'i2']), 'shop.example.app', '4', '4.2', '18.1', 'Phone', 'en_US', 'CET', '',
		'390', '844', '3', '6', '128', '64', 'Europe/Berlin'] });

function event(n)
{
	const timestamp = now - 3600 - below(2 * 86400 - 3600);
	const made = { id: `g-${n}`, event_type: one(often(0.25) ? frequent : types), timestamp, user_data: userData(timestamp),
		properties: properties() };

	if (made.event_type === 'purchase' || often(0.3))
		Object.assign(made, { value: cents(900), currency_code: one(['EUR', 'USD', 'JPY', 'usd', 'eur']) });
	if (made.event_type === 'sign_up' && often(0.8))
		made.properties.login_method = 'password';
	if (made.event_type === 'custom')
		made.custom_event = one(['quiz_done', 'tour_booked']);
	if (often(0.8))
		made.source = one(['website', 'website', 'app', 'email', 'phone_call', 'chat', 'physical_store',
			'system_generated', 'business_messaging', 'other']);
	if (made.source === 'system_generated')
		made.ext = { lead: { lead_id: digits(16), lead_event_source: 'crm' } };
	if (made.source === 'app')
		made.ext = { app_data: appData() };
	if (made.source === 'business_messaging')
		made.ext = { messaging_channel: one(['messenger', 'whatsapp', 'instagram']) };
	return made;
}

for (let n = 1; n <= count; n++)
	console.log(JSON.stringify(event(n)));
for (const [id, it] of Object.entries(cases))
	console.log(JSON.stringify({ id, event_type: 'login', source: 'other', timestamp: now - 7200,
		user_data: { customer_identifier: id, ...it.user_data }, properties: it.properties }));
