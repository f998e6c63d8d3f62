/*
 * browser.js - pages in headless Chromium, by its own protocol.
 *
 *	const browser = new Browser(program, folder);		folder: of its profile
 *	const page = await browser.open(file, { width: 390, scheme: 'dark' });
 *	await page.run('document.title');
 *
 * Chromium is spoken to through a pipe (--remote-debugging-pipe): messages of JSON, each with a
 * byte of zero behind it, on its descriptors 3 and 4.  So no port is open, and no package is
 * needed for it.
 */
'use strict';

const { spawn } = require('child_process');
const { pathToFileURL } = require('url');

const ARGUMENTS = ['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
	'--no-first-run', '--no-default-browser-check', '--disable-background-networking', '--disable-component-update',
	'--disable-sync', '--disable-extensions', '--hide-scrollbars', '--force-color-profile=srgb', 'about:blank'];

class Page
{
	constructor(browser, session)
	{
		this.browser = browser;
		this.session = session;
		this.requests = [];		/* addresses that were asked for, but for the page's own */
		this.said = [];			/* errors of the page */
	}

	send(method, params)
	{
		return this.browser.send(method, params, this.session);
	}

	/* The value of an expression, of which a promise is waited for. */
	async run(expression)
	{
		const { result, exceptionDetails: error } = await this.send('Runtime.evaluate',
			{ expression, awaitPromise: true, returnByValue: true });

		if (error)
			throw new Error(error.exception ? error.exception.description : error.text);
		return result.value;
	}

	/* The whole page as PNG. */
	async picture()
	{
		const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true, format: 'png',
			clip: { ...(await this.run('({ x: 0, y: 0, width: innerWidth, height: document.documentElement.scrollHeight })')), scale: 1 } });

		return Buffer.from(data, 'base64');
	}

	async paper()
	{
		const { data } = await this.send('Page.printToPDF', { printBackground: true, preferCSSPageSize: true });

		return Buffer.from(data, 'base64');
	}

	resize(width)
	{
		return this.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 });
	}

	close()
	{
		return this.browser.send('Target.closeTarget', { targetId: this.target });
	}
}

class Browser
{
	constructor(program, folder)
	{
		this.waiting = new Map();	/* what resolves a call, by its id */
		this.pages = new Map();		/* by session */
		this.calls = 0;
		this.rest = '';
		this.process = spawn(program, [`--user-data-dir=${folder}`, ...ARGUMENTS], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
		this.process.on('error', (error) => this.end(error));
		this.process.on('exit', (code, signal) => this.end(new Error(`the browser has ended: ${code === null ? signal : code}`)));
		this.process.stdio[3].on('error', () => {});
		this.process.stdio[4].setEncoding('utf8').on('data', (text) => this.read(text));
	}

	end(error)
	{
		for (const { reject } of this.waiting.values())
			reject(error);
		this.waiting.clear();
		this.ended = error;
	}

	send(method, params = {}, sessionId = undefined)
	{
		const id = ++this.calls;

		if (this.ended)
			return Promise.reject(this.ended);
		this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
		return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
	}

	read(text)
	{
		const messages = (this.rest + text).split('\0');

		this.rest = messages.pop();
		messages.forEach((message) => this.take(JSON.parse(message)));
	}

	take({ id, method, params, sessionId, result, error })
	{
		const page = this.pages.get(sessionId);
		const call = this.waiting.get(id);

		this.waiting.delete(id);
		if (call)
			error ? call.reject(new Error(error.message)) : call.resolve(result);
		else if (page && method === 'Network.requestWillBeSent' && params.request.url !== page.url)
			page.requests.push(params.request.url);
		else if (page && method === 'Log.entryAdded' && params.entry.level === 'error')
			page.said.push(params.entry.text);
		else if (page && method === 'Page.loadEventFired')
			page.loaded();
	}

	/* A file at a width, in a colour scheme, on a medium; it is loaded when this resolves. */
	async open(file, { width = 1200, scheme = 'light', media = 'screen' } = {})
	{
		const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
		const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
		const page = new Page(this, sessionId);
		const loaded = new Promise((resolve) => { page.loaded = resolve; });

		page.target = targetId;
		page.url = pathToFileURL(file).href;
		this.pages.set(sessionId, page);
		await page.resize(width);
		await page.send('Emulation.setEmulatedMedia', { media, features: [{ name: 'prefers-color-scheme', value: scheme }] });
		for (const domain of ['Page', 'Network', 'Log', 'Runtime'])
			await page.send(`${domain}.enable`);
		await page.send('Page.navigate', { url: page.url });
		await loaded;
		return page;
	}

	async close()
	{
		const gone = new Promise((resolve) => this.process.once('exit', resolve));

		this.send('Browser.close').catch(() => {});
		await gone;
	}
}

exports.Browser = Browser;
