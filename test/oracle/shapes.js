/*
 * shapes.js - pieces of JSON schema that the files schema_*.js share.
 */
'use strict';

exports.text = { type: 'string', minLength: 1 };
exports.whole = { type: 'integer', minimum: 0 };
exports.digest = { type: 'string', pattern: '^[0-9a-f]{64}$' };
exports.amount = { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)?$' };
exports.currency = { type: 'string', pattern: '^[A-Z]{3}$' };
exports.listOf = (items, more = {}) => ({ type: 'array', items, minItems: 1, ...more });

/* An object with these members and no others. */
exports.closed = (properties, required = [], more = {}) =>
	({ type: 'object', properties, required, additionalProperties: false, ...more });
