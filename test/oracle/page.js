/*
 * page.js - pages of a report in headless Chromium, with axe-core.
 *
 *	ECAPI_ORACLES=DIR node page.js CHROMIUM FOLDER PAGES
 *
 * PAGES are objects with name, file, tables and tiles: each table by its caption, as rows of texts,
 * which are what the views say; tiles as texts; and views, the names of some of those below.  For
 * each page
 *
 *	- tables and tiles in its own DOM are these, there is no figure elsewhere, and each is shown as
 *	  what it is;
 *	- nothing is asked for beside the page itself, without its own policy, too, and it has no error;
 *	- axe-core finds nothing, in light, in the dark and on a phone;
 *	- nothing scrolls sideways but tables: at 390 pixels, and at 320;
 *	- pictures of it are written into FOLDER.
 *
 * A page with faults shows that each of these would be found.
 */
'use strict';

const fs = require('fs');
const path = require('path');
const { differences, done, load, read, result } = require('./lines.js');
const { Browser } = require('./browser.js');

const [chromium, folder, list] = process.argv.slice(2);
const axe = fs.readFileSync(load.resolve('axe-core/axe.min.js'), 'utf8');

const VIEWS = {
	light: { width: 1200 },
	dark: { width: 1200, scheme: 'dark' },
	phone: { width: 390 },
	'dark phone': { width: 390, scheme: 'dark' },
	paper: { width: 720, media: 'print' }
};

/* What runs in the page: its tables and its tiles, as texts, and what is not as it should be. */
function figures()
{
	const value = (cell) => (cell.querySelector('data') ? cell.querySelector('data').value : cell.textContent.trim());
	const tables = [...document.querySelectorAll('table')];
	const all = [...document.querySelectorAll('data')];
	const tiles = [...document.querySelectorAll('.tiles > div')];
	const plain = (text) => text.replace(/,/g, '').replace('\u2212', '-');
	/* times have a unit: to three digits */
	const units = { ms: 1, s: 1e3, min: 6e4, h: 36e5, d: 864e5 };
	const close = (text, number) => {
		const [, digits, unit] = /^([0-9.]+) (ms|s|min|h|d)$/.exec(text) || [];

		return unit && Math.abs(digits * units[unit] - number) <= Math.max(0.0501 * units[unit], unit === 'ms' && number >= 10 ? 0.501 : 0);
	};

	return {
		tables: Object.fromEntries(tables.map((table) => [table.caption.textContent,
			[...table.tBodies[0].rows].map((row) => [...row.cells].map(value))])),
		tiles: tiles.map((tile) => [tile.querySelector('dt').textContent, value(tile)]),
		wrong: [
			...all.filter((data) => !data.closest('table, .tiles')).map((data) => `a figure stands alone: ${data.value}`),
			...all.filter((data) => plain(data.textContent) !== data.value && !close(data.textContent, data.value))
				.map((data) => `${data.value} is shown as ${data.textContent}`),
			...tables.filter((table) => !table.caption).map(() => 'a table has no caption')]
	};
}

/* Numbers that stand in the flow, wide and narrow, beside those of its table. */
function flows()
{
	const counts = (svg) => [...svg.querySelectorAll('.count')].map((text) => text.textContent.replace(/,/g, ''));
	const charts = [...document.querySelectorAll('#flow svg.chart')].map(counts);
	const table = [...document.querySelectorAll('#flow table')].find((one) => /outcome/.test(one.caption.textContent));

	if (!table)
		return [];
	const cells = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll('data')].map((data) => Number(data.value)));
	const columns = cells[0].map((_, i) => cells.reduce((sum, row) => sum + row[i], 0));
	const wanted = [columns[0], ...cells.map((row) => row[0]), ...columns.slice(1).filter((sum) => sum > 0)].map(String);

	return charts.filter((chart) => chart.join() !== wanted.join()).map((chart) => `the flow has ${chart}, not ${wanted}`);
}

/* What is wider than the screen, but for what is in a box that scrolls. */
function wide(width)
{
	const over = [...document.querySelectorAll('body *')].filter((element) => !element.closest('.scroll') && !element.closest('svg') &&
		element.getBoundingClientRect().right > width + 0.5);

	return document.documentElement.scrollWidth > width || over.length > 0 ?
		[`it is ${document.documentElement.scrollWidth} wide`, ...over.map((element) => element.outerHTML.slice(0, 100))] : [];
}

const call = (code, ...args) => `(${code})(${args.map(JSON.stringify)})`;

async function violations(page)
{
	await page.run(`${axe}\n;0`);
	const { violations: found, passes } = await page.run('axe.run(document, { resultTypes: ["violations"] })');

	if (!passes.some(({ id }) => id === 'color-contrast') || !passes.some(({ id }) => id === 'document-title'))
		return ['it has looked at nothing'];
	return found.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`));
}

/* The page without the policy that keeps it from loading anything. */
function withoutPolicy(file)
{
	const text = fs.readFileSync(file, 'utf8');
	const open = text.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '');

	if (open === text)
		throw new Error('the page has no policy');
	fs.writeFileSync(`${file}.open.html`, open);
	return `${file}.open.html`;
}

async function look(page, name, view, { width, media })
{
	if (!media)
	{
		result(`${name}, ${view}: axe-core finds nothing`, await violations(page));
		result(`${name}, ${view}: nothing scrolls sideways`, await page.run(call(wide, width)));
	}
	result(`${name}, ${view}: it has no error and asks for nothing`, [...page.said, ...page.requests]);
	fs.writeFileSync(path.join(folder, `${name} ${view}.png`), await page.picture());
	if (media)
		fs.writeFileSync(path.join(folder, `${name}.pdf`), await page.paper());
	if (width < 400)
	{
		await page.resize(320);
		result(`${name}, ${view}, at 320 pixels: nothing scrolls sideways`, await page.run(call(wide, 320)));
	}
}

async function check(browser, { name, file, tables, tiles, views })
{
	for (const view of views)
	{
		const page = await browser.open(file, VIEWS[view]);

		if (view === views[0])
		{
			const got = await page.run(call(figures));

			for (const caption of new Set([...Object.keys(tables), ...Object.keys(got.tables)]))
				result(`${name}: ${caption}`, differences(tables[caption], got.tables[caption], caption));
			result(`${name}: tiles`, differences(tiles, got.tiles, 'tiles'));
			result(`${name}: figures are shown as they are`, got.wrong);
			result(`${name}: the flow has them, too`, await page.run(call(flows)));
		}
		await look(page, name, view, VIEWS[view]);
		await page.close();
	}
	const open = await browser.open(withoutPolicy(file));

	result(`${name}, without its policy: it asks for nothing`, [...open.said, ...open.requests]);
	await open.close();
}

/* A page with faults, each of which has to be found. */
async function faulty(browser, { name, file, tables })
{
	const faults = [
		['<data value="', '<data value="1'],
		['--muted:#565c64', '--muted:#c5c8cc'],
		[/<th scope="col"[^>]*>[^<]*/, '<th scope="col">'],
		['<body>', '<body><img alt="" src="http://127.0.0.1:1/x.png"><p style="width:50rem">x</p>']];
	const text = faults.reduce((page, [from, to]) => page.replace(from, to), fs.readFileSync(withoutPolicy(file), 'utf8'));

	fs.writeFileSync(`${file}.faulty.html`, text);
	const page = await browser.open(`${file}.faulty.html`, VIEWS.phone);
	const got = await page.run(call(figures));
	const axes = await violations(page);
	const found = {
		'a figure': [...differences(tables, got.tables, ''), ...got.wrong],
		'faint text': axes.filter((said) => said.startsWith('color-contrast')),
		'a column without a head': axes.filter((said) => said.startsWith('empty-table-header')),
		'a picture from elsewhere': page.requests,
		'a wide line': await page.run(call(wide, VIEWS.phone.width))
	};

	for (const [what, said] of Object.entries(found))
		result(`${name}: ${what} would be found`, said.length > 0 ? [] : ['it is not']);
	await page.close();
}

async function main()
{
	const browser = new Browser(chromium, path.join(folder, 'profile'));
	const pages = read(list);

	try
	{
		for (const page of pages)
			await check(browser, page);
		await faulty(browser, pages[0]);
	}
	finally
	{
		await browser.close();
	}
	done();
}

main().catch((error) => {
	console.error(error.stack);
	process.exit(1);
});
