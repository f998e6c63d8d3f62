/*
 * person.js - what the files second_*.js share: where a generated event has what about a
 * person, and the forms of values that are written once more beside the second
 * implementation, where that is known not to follow a platform.
 */
'use strict';

const { isObject, list, sha256 } = require('./lines.js');

const unique = (values) => [...new Set(values)];

/* The first address that has a member; platforms that take one value get that. */
exports.ofAddress = (user, member) => list(user.address).find((address) => address[member] !== undefined)?.[member];
exports.clicks = (user) => user.ext?.click_ids ?? {};
exports.ip = (user) => user.event_ip_address ?? user.landing_ip_address;
exports.agent = (user) => user.event_user_agent ?? user.landing_user_agent;
exports.externalIds = (user) => [user.customer_identifier, ...list(user.uids).map((uid) => uid.id)];

/* A generated event has a page, so one without a source is of a website. */
exports.source = (event) => event.source ?? 'website';

/* The sum of pieces. */
exports.pieces = (items) => items?.reduce((sum, item) => sum + item.quantity, 0);

exports.unique = unique;
exports.plain = (text) => text.trim().toLowerCase();
exports.upper = (text) => text?.toUpperCase();

/* The digest of a value in a form; those of several, each once.  Undefined of none. */
const digest = (value, form) => (value === undefined ? undefined : sha256(form(value)));

exports.digest = digest;
exports.digests = (values, form) => {
	const given = list(values).filter((value) => value !== undefined);

	return given.length > 0 ? unique(given.map((value) => digest(value, form))) : undefined;
};
exports.e164 = (number) => `+${number.replace(/\D/g, '')}`;
exports.digitsOf = (number) => number.replace(/\D/g, '');

/* What each text of extinfo is about, by the second implementation's names. */
const extinfo = ['version', 'packageName', 'shortVersion', 'longVersion', 'osVersion', 'deviceName', 'locale', 'timezone',
	'carrier', 'width', 'height', 'density', 'cpuCores', 'storageSize', 'freeStorage', 'deviceTimezone'];

exports.extinfo = (data) => Object.fromEntries(extinfo.map((name, i) => [name, data.extinfo[i]]));

/* What ours has: nothing; or nothing in place of what is empty. */
const isEmpty = (value) => value === '' || value === null || (isObject(value) && Object.keys(value).length === 0);

exports.none = () => undefined;
exports.noneIfEmpty = (event, theirs) => (isEmpty(theirs) ? undefined : theirs);
