/*
 * schema.js - bodies against the platforms' schemas, by ajv.
 *
 *	ECAPI_ORACLES=DIR node schema.js REQUESTS...
 *
 * REQUESTS are objects with platform and body, the text of an accepted request.  A
 * platform's file, schema_NAME.js, exports
 *
 *	name				the platform's
 *	schema				JSON schema of a request, written from the facts that it names
 *	official			{ file, name }: a schema in an OpenAPI description of the platform's own,
 *						which is used, too, where that file is in DIR (optional)
 *	victim(body)		whether a request has what mutations change
 *	mutations			{ what: change(body) } that have to be refused
 */
'use strict';

const fs = require('fs');
const path = require('path');
const { copy, done, load, read, result } = require('./lines.js');

const Ajv = load('ajv').default;
const addFormats = load('ajv-formats').default;

/* Functions that say what is wrong with a body; undefined: nothing. */
function compiled(ajv, schema)
{
	const validate = addFormats(ajv).compile(schema);

	return (body) => (validate(body) ? undefined : ajv.errorsText(validate.errors));
}

function official({ file, name })
{
	const where = path.join(process.env.ECAPI_ORACLES, file);

	if (!fs.existsSync(where))
		return undefined;
	const ajv = new Ajv({ strict: false }).addSchema(JSON.parse(fs.readFileSync(where, 'utf8')), 'description');

	return compiled(ajv, { $ref: `description#/components/schemas/${name}` });
}

function check({ name, victim, mutations }, which, bodies, wrong)
{
	const one = bodies.find((body) => victim(body) && wrong(body) === undefined);

	result(`${name}: ${bodies.length} requests are what ${which} allows`, bodies.map(wrong).filter((said) => said !== undefined));
	for (const [what, change] of Object.entries(mutations))
	{
		const changed = one && copy(one);

		if (changed)
			change(changed);
		result(`${name}, ${which}: ${what} would be found`, changed && wrong(changed) ? [] : ['it is not']);
	}
}

const requests = process.argv.slice(2).flatMap(read);

for (const file of fs.readdirSync(__dirname).filter((one) => /^schema_\w+\.js$/.test(one)))
{
	const platform = require(`./${file}`);
	const bodies = requests.filter((row) => row.platform === platform.name).map((row) => JSON.parse(row.body));
	const own = platform.official && official(platform.official);

	check(platform, 'the schema', bodies, compiled(new Ajv({ allErrors: true }), platform.schema));
	if (own)
		check({ ...platform, mutations: platform.official.mutations ?? platform.mutations }, 'the description', bodies, own);
}
done();
