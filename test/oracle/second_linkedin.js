/*
 * second_linkedin.js - LinkedIn's Conversions API by the second implementation; see second.js.
 * "page" is LinkedIn's "Conversions API" (li-lms-2026-08).
 */
'use strict';

const { isObject, list } = require('./lines.js');
const { clicks, digest, digests, ip, plain, upper } = require('./person.js');

/* Rules as the test gives them to the destination. */
const ruleOf = (event) => 7000 + event.event_type.length;

const named = (user) => list(user.address).find((address) => address.first_name && address.last_name);
const ipv4 = (user) => (ip(user)?.includes(':') ? undefined : ip(user));

function payload(event)
{
	const { user_data: user } = event;
	const address = named(user);

	return {
		conversionHappenedAt: `${event.timestamp}000`, eventId: event.id, email: user.email_address[0],
		conversionValue: event.value === undefined ? undefined :
			{ currencyCode: event.currency_code, amount: String(event.value) },
		linkedInUUID: clicks(user).li_fat_id, externalIds: [user.customer_identifier],
		userInfo: address && { firstName: address.first_name, lastName: address.last_name,
			countryCode: address.country_code }
	};
}

/* Ids in the order of the format: all addresses, then the others. */
function idsOf({ user_data: user })
{
	const ids = digests(user.email_address, plain).map((digest) => ['SHA256_EMAIL', digest]);

	ids.push(['LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID', clicks(user).li_fat_id], ['PLAINTEXT_IP_ADDRESS', ipv4(user)],
		['GOOGLE_AID', user.ifa]);
	return ids.filter(([, idValue]) => idValue !== undefined).map(([idType, idValue]) => ({ idType, idValue }));
}

module.exports = {
	name: 'linkedin',
	destination: 'linkedin-conversions',
	call: (event) => ({ action: 'streamConversion', data: { payload: payload(event), settings: {},
		hookOutputs: { onMappingSave: { outputs: { id: String(ruleOf(event)) } } } } }),
	events: (body) => body.elements ?? [body],
	key: (event) => event.id,
	keyOf: (sent) => sent.eventId,

	unsent: [
		{ when: (event) => event.event_type === 'refund', why: 'its type has no rule' },
		{ when: (event) => event.user_data.mmt_only, why: 'no field says that it is for measurement alone; theirs does not ask' }
	],

	intended: [
		{ at: 'user.userIds', ours: idsOf,
			why: 'theirs knows one email address, no IP address and no Google AID; page, idType' },
		{ at: 'user.externalIds.0', ours: ({ user_data: user }) => digest(user.customer_identifier, plain),
			why: 'theirs sends it clear; a person\'s id leaves hashed' },
		{ at: ['user.userInfo.firstName', 'user.userInfo.lastName'], ours: (event, theirs) => theirs?.trim(),
			why: 'theirs keeps blanks at the ends' },
		{ at: 'user.userInfo.countryCode', ours: (event, theirs) => upper(theirs),
			why: 'theirs passes letter case on; page: ISO 3166' },
		{ at: 'conversionValue.currencyCode', ours: (event, theirs) => upper(theirs),
			why: 'theirs passes letter case on; page: ISO 4217' }
	],

	keys: ['conversion', 'conversionHappenedAt', 'eventId', 'conversionValue', 'currencyCode', 'amount', 'user',
		'userIds', 'idType', 'idValue', 'userInfo', 'firstName', 'lastName', 'countryCode', 'externalIds'],
	victim: (sent) => isObject(sent.conversionValue) && sent.user.userInfo,
	mutations: {
		'a time in seconds': (sent) => { sent.conversionHappenedAt /= 1000; },
		'an amount that is a number': (sent) => { sent.conversionValue.amount = Number(sent.conversionValue.amount); },
		'another rule': (sent) => { sent.conversion += '0'; },
		'a digest with another digit': (sent) => { sent.user.userIds[0].idValue = digest('a@example.com', plain); },
		'a name in lower case': (sent) => { sent.user.userInfo.firstName = 'x'; },
		'a clear id': (sent) => { sent.user.externalIds = ['Cust-1']; },
		'an unknown key': (sent) => { sent.value = 1; }
	}
};
