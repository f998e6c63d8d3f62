/*
 * lines.js - what the programs beside this file share: files of JSON lines, packages from
 * where the test installed them, differences of two values, digests, and results.
 *
 * A result is one line of JSON on standard output: {"ok": ..., "name": ..., "said": [...]}.
 * The last line is {"done": how many there were}, so that a program that died is found out.
 */
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

/* Texts that a result says at most. */
const SAID_MAX = 12;

let results = 0;

/* Require, or resolve, a package of the directory that ECAPI_ORACLES names. */
exports.load = createRequire(path.join(process.env.ECAPI_ORACLES, 'x.js'));

exports.read = (file) => fs.readFileSync(file, 'utf8').split('\n').filter((line) => line !== '')
	.map((line) => JSON.parse(line));

/* Say whether a test has passed: whether there is nothing to say against it. */
exports.result = (name, against) => {
	const said = against.slice(0, SAID_MAX);

	if (against.length > SAID_MAX)
		said.push(`and ${against.length - SAID_MAX} more`);
	results++;
	console.log(JSON.stringify({ ok: against.length === 0, name, said }));
};

/* What one value, several or none stand for; the digest of a text. */
exports.list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
exports.sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');

exports.done = () => console.log(JSON.stringify({ done: results }));

const isObject = (value) => value !== null && typeof value === 'object';
const brief = (value) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 200));

/*
 * Where two values of JSON differ, one text a place: all keys, all elements in their order,
 * and numbers as numbers.
 */
function differences(expected, got, where)
{
	const same = isObject(expected) && isObject(got) && Array.isArray(expected) === Array.isArray(got);
	const keys = same ? [...new Set([...Object.keys(expected), ...Object.keys(got)])] : [];

	if (!same)
		return expected === got ? [] : [`${where}: expected ${brief(expected)}, got ${brief(got)}`];
	return keys.flatMap((key) => differences(expected[key], got[key], `${where}.${key}`));
}

exports.differences = differences;
exports.isObject = isObject;
exports.copy = (value) => JSON.parse(JSON.stringify(value));
