/*
 * cases.js - values that Meta's two normalizers disagree on, or that neither takes as its
 * page says; one event each.
 *
 * id: { user_data, properties, expect: { key of Meta's user_data: whom to follow } }, of
 *	'both'	they agree
 *	'old'	facebook-nodejs-business-sdk
 *	'new'	capi-param-builder-nodejs
 *	'none'	the value is left out
 *	['...']	the page: the texts that are hashed
 * why says what decides; "page" is Customer Information Parameters.
 */
'use strict';

const us = { country_code: 'us' };

exports.cases = {
	'case-inner-space': { user_data: { address: { first_name: 'Ann Marie', last_name: 'Van Dyke' } },
		expect: { fn: 'new', ln: 'new' }, why: 'the new one, and Meta in the browser, drop white space' },
	'case-apostrophe': { user_data: { address: { first_name: "D'Arcy", last_name: "O'Brien" } },
		expect: { fn: 'new', ln: 'new' }, why: 'page: no punctuation' },
	'case-hyphen': { user_data: { address: { first_name: 'Jean-Luc', last_name: 'Smith-Jones' } },
		expect: { fn: 'new', ln: 'new' }, why: 'page: no punctuation' },
	'case-accent': { user_data: { address: { first_name: 'Valéry', last_name: 'MÜLLER' } },
		expect: { fn: 'both', ln: 'both' }, why: 'page: UTF-8' },
	'case-hangul': { user_data: { address: { first_name: '정' } },
		expect: { fn: 'both' }, why: 'page: example' },
	'case-city-accent': { user_data: { address: { city: 'San José' } },
		expect: { ct: 'old' }, why: 'page: UTF-8' },
	'case-city-space': { user_data: { address: { city: 'New York' } },
		expect: { ct: 'both' }, why: 'page: no spaces' },
	'case-city-point': { user_data: { address: { city: 'St. Louis' } },
		expect: { ct: 'both' }, why: 'page: no punctuation' },
	'case-city-apostrophe': { user_data: { address: { city: "Coeur d'Alene" } },
		expect: { ct: 'new' }, why: 'page: no punctuation' },
	'case-state-name': { user_data: { address: { ...us, state: 'California' } },
		expect: { st: 'new', country: 'both' }, why: 'page: two-letter codes in the United States' },
	'case-state-canada': { user_data: { address: { country_code: 'ca', state: 'Ontario' } },
		expect: { st: 'new', country: 'both' }, why: 'the new one, as for the United States' },
	'case-state-abroad': { user_data: { address: { country_code: 'de', state: 'Bayern' } },
		expect: { st: 'old', country: 'both' }, why: 'page: elsewhere the name; the new one cuts it' },
	'case-zip-plus-four': { user_data: { address: { ...us, postal_code: '10001-1234' } },
		expect: { zp: 'both', country: 'both' }, why: 'page: the first five in the United States' },
	'case-zip-britain': { user_data: { address: { country_code: 'gb', postal_code: 'M1 1AE' } },
		expect: { zp: 'old', country: 'both' }, why: 'page: example m11ae' },
	'case-zip-canada': { user_data: { address: { country_code: 'ca', postal_code: 'K1A 0B1' } },
		expect: { zp: 'old', country: 'both' }, why: 'page: no spaces' },
	'case-zip-dash-poland': { user_data: { address: { country_code: 'pl', postal_code: '00-950' } },
		expect: { zp: 'none', country: 'both' }, why: 'both cut at the dash, against the page' },
	'case-zip-dash-portugal': { user_data: { address: { country_code: 'pt', postal_code: '1234-567' } },
		expect: { zp: 'none', country: 'both' }, why: 'both cut at the dash, against the page' },
	'case-gender-other': { user_data: { gender: 'nonbinary' },
		expect: { ge: 'none' }, why: 'both drop it' },
	'case-phone-national': { user_data: { phone_numbers: ['(650)555-1212'], address: us },
		expect: { ph: ['16505551212'], country: 'both' }, why: 'page: example' },
	'case-phone-zeros': { user_data: { phone_numbers: ['0049 711 1234567'] },
		expect: { ph: 'both' }, why: 'page: no leading zeros' },
	'case-phone-short': { user_data: { phone_numbers: ['12'], address: us },
		expect: { ph: 'none', country: 'both' }, why: 'the old one takes 7 digits at least' },
	'case-email-none': { user_data: { email_address: ['nobody at home'] },
		expect: { em: 'none' }, why: 'neither takes it' },
	'case-email-case': { user_data: { email_address: [' John_Smith@gmail.com ', 'john_smith@GMAIL.com'] },
		expect: { em: 'both' }, why: 'page: example' },
	'case-id-space': { user_data: { customer_identifier: 'User 123' },
		expect: { external_id: 'new' }, why: 'the old one does not hash it' },
	'case-price-zero': { user_data: {}, properties: { items: [{ id: 'sku-1', price: 0, quantity: 2 }] },
		expect: {}, why: 'the old one drops what is 0' }
};
