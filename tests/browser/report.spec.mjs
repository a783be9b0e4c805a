// SPDX-License-Identifier: MIT
// report.spec.mjs REPORT.html...: opens reports in a real browser (CHROMIUM, else /usr/bin/chromium) and checks what must hold
// for each: no request but for the file, no console message, every section, no sideways scrolling, scripts on and off; valid
// HTML (html-validate), nothing that axe-core finds, no layout shift, search, links, zoom. NAME.zh.html is Chinese.
// Prints "ok NAME" or "not ok NAME: WHY", at the end "N passed, N failed".
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { HtmlValidate } from "html-validate";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const OPEN_IN_MS = 2000;

const SECTIONS = ["verdict", "stack", "timeline", "drops", "packets", "latency", "cpus", "sockets", "conntrack", "ledger",
		  "config", "unseen", "recording"];
const files = process.argv.slice(2);
let passed = 0, failed = 0;

function check(name, ok, why) {
	if (ok)
		passed++;
	else
		failed++;
	console.log(ok ? `ok ${name}` : `not ok ${name}: ${why}`);
}

/* WCAG 2.1, 1.4.3: relative luminance of visible text against the nearest opaque background */
function contrastProblems() {
	const parse = (c) => {
		const m = c.match(/[\d.]+/g).map(Number);

		return c.startsWith("color(srgb") ? [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1];
	};
	const lum = (c) => {
		const v = c.slice(0, 3).map((x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);

		return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
	};
	const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
	const background = (e) => {
		const stack = [];

		for (; e; e = e.parentElement) {
			stack.push(parse(getComputedStyle(e).backgroundColor));
			if (stack[stack.length - 1][3] === 1)
				break;
		}
		return stack.reverse().reduce((b, c) => over(c, b), [255, 255, 255, 1]);
	};
	const bad = new Set();

	for (const e of document.querySelectorAll("body *:not(svg *):not(script)")) {
		const own = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.textContent.trim());

		if (!own || !e.getClientRects().length)
			continue;
		const s = getComputedStyle(e), a = lum(parse(s.color)), b = lum(background(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		const large = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && Number(s.fontWeight) >= 700);

		if (ratio < (large ? 3 : 4.5))
			bad.add(`${e.tagName.toLowerCase()}.${e.className} ${ratio.toFixed(2)}`);
	}
	return Array.from(bad).slice(0, 5);
}

/* what a screen reader and a keyboard need */
function structureProblems(lang) {
	const bad = [];

	if (document.documentElement.lang !== lang)
		bad.push(`the language is ${document.documentElement.lang}`);
	for (const e of document.querySelectorAll("body *"))
		if (/skbx/i.test(e.tagName))
			bad.push(`an element ${e.tagName} from the tape`);
	/* marks that turn text around, and control characters (ECMA-48, Unicode 15, 23.2) */
	if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.test(document.documentElement.textContent))
		bad.push("a control character");
	for (const name of ["main", "nav", "header", "footer"])
		if (document.querySelectorAll(`body > ${name}`).length !== 1)
			bad.push(`not one ${name}`);
	if (document.querySelectorAll("h1").length !== 1)
		bad.push("not one h1");
	for (const t of document.querySelectorAll("table"))
		if (!t.caption || !t.caption.textContent)
			bad.push("a table without a caption");
	for (const th of document.querySelectorAll("th"))
		if (!th.scope)
			bad.push("a th without scope");
	for (const b of document.querySelectorAll(".scroll"))
		if (b.tabIndex !== 0 || !b.getAttribute("aria-label"))
			bad.push("a scrolling box that the keyboard cannot reach");
	const ids = Array.from(document.querySelectorAll("[id]")).map((e) => e.id);

	if (new Set(ids).size !== ids.length)
		bad.push("an id twice");
	for (const a of document.querySelectorAll("a"))
		if (!a.getAttribute("href").startsWith("#") || !document.getElementById(a.getAttribute("href").slice(1)))
			bad.push(`a link to ${a.getAttribute("href")}`);
	for (const e of document.querySelectorAll("[src], [onclick], [onerror], [onload], [style]"))
		bad.push(`${e.tagName} with src, handler or style`);
	if (document.querySelectorAll("script").length !== 2)
		bad.push("more scripts than ours");
	return Array.from(new Set(bad));
}

/* each section has a table, a picture or a sentence that says why there is none; links to slow packets open them */
async function checkParts(page, name, height) {
	const bare = await page.evaluate(() => Array.from(document.querySelectorAll("main > section"))
		.filter((s) => !s.querySelector("table, svg, .nothing")).map((s) => s.id));
	check(`${name} no bare section`, !bare.length, bare.join(" "));
	const headings = await page.evaluate(() => Array.from(document.querySelectorAll("main h3"))
		.filter((h) => !h.nextElementSibling || h.nextElementSibling.matches("h2, h3")).map((h) => h.textContent));
	check(`${name} no bare heading`, !headings.length, headings.join("; "));
	const answers = await page.evaluate((height) => Array.from(document.querySelectorAll(".hero .toc > li")).slice(0, 1)
		.map((li) => /\d+ ?%/.test(li.querySelector(".how").textContent) && li.querySelector(".do") && li.getBoundingClientRect().bottom < height), height);
	check(`${name} the first screen tells cause, certainty, place and advice`, answers.every(Boolean), String(answers));
	const pairs = await page.locator("#latency tbody tr").count(), pictures = await page.locator("#latency tbody svg.range").count();
	check(`${name} a picture for each delay`, pairs === pictures, `${pictures} of ${pairs}`);
	/* a histogram tells its numbers also to those who do not see it, within the box that is seen */
	const told = await page.evaluate(() => Array.from(document.querySelectorAll("#latency svg.hist")).filter((s) => {
		const box = s.querySelector(".h-bar").getBBox(), view = s.viewBox.baseVal;

		return s.getAttribute("role") !== "img" || (s.getAttribute("aria-label").match(/\d/g) || []).length < 5 || !(box.height > 0) ||
			box.x < view.x || box.x + box.width > view.x + view.width + 0.01 || !s.querySelector(".h-p50") || !s.querySelector(".h-p99");
	}).length);
	check(`${name} histograms`, !told && (!pairs || await page.locator("#latency svg.hist").count() > 0), `${told} are wrong`);
	const much = await page.evaluate(() => Array.from(document.querySelectorAll(".hero .toc > li .how")).every((e) => {
		const impact = document.querySelector(e.closest("li").querySelector("a").getAttribute("href")).querySelector(".impact");

		return !impact || e.querySelector(".much") || !/packet|数据包/.test(impact.textContent);
	}));
	check(`${name} the first screen says how bad`, much, "no number");
	const rows = await page.locator("#packet-list tr[data-p]").count(), links = await page.locator("#latency a[href^='#packet-']").count();
	check(`${name} links to slow packets`, !pairs || !rows || links > 0, `${links} links, ${pairs} rows`);
}

async function checkInteraction(page, name) {
	const rows = page.locator("#packet-list tr[data-p]");
	const all = await rows.count();

	if (all) {
		const flow = (await rows.first().locator("th").textContent()).trim();

		await page.fill("#packet-words", flow);
		const shown = await rows.evaluateAll((v) => v.filter((r) => !r.hidden).length);
		check(`${name} search`, shown >= 1 && shown <= all, `${shown} of ${all} rows shown for '${flow}'`);
		/* by what the list shows in its own columns: the flow's port, the reason of a drop */
		const text = await rows.first().textContent(), port = text.match(/:(\d+) >/), reason = text.match(/\b[A-Z]+_[A-Z_]+\b/);

		for (const word of [port && port[1], reason && reason[0].toLowerCase()].filter(Boolean)) {
			await page.fill("#packet-words", word);
			const hits = await rows.evaluateAll((v, w) => v.filter((r) => !r.hidden).map((r) => r.textContent.toLowerCase().includes(w)), word);
			check(`${name} search by ${word}`, hits.length >= 1, `${hits.length} rows`);
		}
		await page.fill("#packet-words", "no such word anywhere");
		const none = await rows.evaluateAll((v) => v.filter((r) => !r.hidden).length);
		check(`${name} search that finds nothing`, none === 0, `${none} rows shown`);
		await page.fill("#packet-words", "");
		await rows.last().locator("button").click();
		const title = await page.locator("#packet-view h3").textContent();
		const last = (await rows.last().locator("th").textContent()).trim();
		check(`${name} packet opens`, title.includes(` ${last}:`), `${title}, packet ${last}`);
		/* a link to a packet works, also to one that the search hides */
		await page.fill("#packet-words", "no such word anywhere");
		await page.evaluate((id) => { location.hash = "#packet-" + id; }, flow);
		await page.waitForFunction((id) => document.querySelector("#packet-view h3").textContent.includes(` ${id}:`), flow, { timeout: 2000 }).catch(() => {});
		const linked = await page.locator("#packet-view h3").textContent();
		check(`${name} link to a packet`, linked.includes(` ${flow}:`) && await rows.first().isVisible(), linked);
		const slow = page.locator("#latency a[href^='#packet-']").first();

		if (await slow.count()) {
			const id = (await slow.textContent()).trim();

			await slow.click();
			await page.waitForFunction((id) => document.querySelector("#packet-view h3").textContent.includes(` ${id}:`), id, { timeout: 2000 }).catch(() => {});
			const opened = await page.locator("#packet-view h3").textContent();
			check(`${name} a slow packet opens`, opened.includes(` ${id}:`), `${opened}, packet ${id}`);
		}
	}
	if (await page.locator("svg.timeline:visible").count()) {
		await page.locator("svg.timeline:visible").focus();
		await page.keyboard.press("ArrowRight");
		const text = await page.locator("#timeline-readout").textContent();
		const box = await page.locator("svg.timeline:visible").boundingBox(), screen = page.viewportSize().width;
		check(`${name} the timeline fits the screen`, box.x >= 0 && box.x + box.width <= screen, `${box.x} and ${box.width} px of ${screen}`);
		check(`${name} timeline by keyboard`, /^\+.* \+/.test(text), text);
		const before = await page.locator("svg.timeline:visible .plot").first().getAttribute("viewBox");
		await page.keyboard.press("+");
		const zoomed = await page.locator("svg.timeline:visible .plot").first().getAttribute("viewBox");
		await page.keyboard.press("Escape");
		await page.locator("button[data-zoom=in]").click();
		const button = await page.locator("svg.timeline:visible .plot").first().getAttribute("viewBox");
		check(`${name} zoom by button`, button !== before || Number(before.split(" ")[2]) < 3, button);
		await page.locator("button[data-zoom=all]").click();
		const after = await page.locator("svg.timeline:visible .plot").first().getAttribute("viewBox");
		const buckets = Number(before.split(" ")[2]);
		check(`${name} timeline zoom`, (zoomed !== before || buckets < 3) && after === before, `${before}, ${zoomed}, ${after}`);
	}
	if (await page.locator("#stack-choice").count()) {
		const choice = page.locator("#stack-choice"), n = await choice.locator("option").count();

		await choice.selectOption({ index: n - 1 });
		const one = await page.locator("#stack-scopes .scope:visible").count();
		check(`${name} one part of the host`, n > 1 && one === 1 && !await page.locator("#stack-host").isVisible(), `${one} of ${n} shown`);
		await choice.selectOption({ index: 0 });
		check(`${name} the whole host again`, await page.locator("#stack-host").isVisible(), "hidden");
	}
	const th = page.locator("#drops th .sort").first();

	if (await th.count()) {
		await th.click();
		const sorted = await page.locator("#drops tbody tr td:first-child").evaluateAll((v) => v.map((c) => Number(c.dataset.v)));
		check(`${name} sorting`, sorted.every((v, i) => !i || sorted[i - 1] >= v), sorted.slice(0, 9).join(" "));
	}
}

async function checkReport(browser, url, label, width, scheme, scripts) {
	const name = `${label} ${width} px ${scheme} scripts ${scripts ? "on" : "off"}`;
	const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, javaScriptEnabled: scripts, reducedMotion: "reduce" });

	context.setDefaultTimeout(5000);
	const page = await context.newPage();
	const requests = [], messages = [];

	page.on("request", (r) => requests.push(r.url()));
	page.on("console", (m) => messages.push(m.text()));
	page.on("pageerror", (e) => messages.push(e.message));
	page.on("dialog", (d) => { messages.push("dialog: " + d.message()); d.dismiss(); });
	await page.addInitScript(() => {
		window.shifted = 0;
		new PerformanceObserver((l) => { for (const e of l.getEntries()) window.shifted += e.value; }).observe({ type: "layout-shift", buffered: true });
	}).catch(() => {});
	const began = Date.now();

	await page.goto(url);
	const took = Date.now() - began;
	check(`${name} opens`, took < OPEN_IN_MS, `took ${took} ms`);
	await page.waitForTimeout(100);
	if (scripts) {
		const shifted = await page.evaluate(() => window.shifted);

		check(`${name} layout`, shifted < 0.01, `shifted by ${shifted}`);
	}
	for (const id of SECTIONS)
		if (!await page.locator(`section#${id} h2`).count())
			messages.push(`section ${id} is missing`);
	await checkParts(page, name, 900);
	/* folded parts take part in everything */
	const details = page.locator("details:not([open]) > summary");

	for (let n = await details.count(); n > 0; n--)
		if (await details.first().isVisible())
			await details.first().click();
		else
			break;
	if (scripts)
		await checkInteraction(page, name);
	const size = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
	check(`${name} width`, size[0] <= size[1], `the page is ${size[0]} px wide in ${size[1]}`);
	const structure = await page.evaluate(structureProblems, label.includes(".zh.") ? "zh-CN" : "en");
	check(`${name} structure`, !structure.length, structure.join("; "));
	const contrast = await page.evaluate(contrastProblems);
	check(`${name} contrast`, !contrast.length, contrast.join("; "));
	/* paper is white whatever the screen is, and has the picture that fits on it */
	await page.emulateMedia({ media: "print" });
	const paper = await page.evaluate(contrastProblems);
	check(`${name} contrast on paper`, !paper.length, paper.join("; "));
	check(`${name} the stack on paper`, await page.locator("#stack-host .ways").isVisible() && !await page.locator("#stack-host .stack.wide").isVisible(), "not the narrow picture");
	await page.emulateMedia({ media: "screen" });
	if (scripts) { /* axe waits by timers, which a page without scripts does not have */
		await page.evaluate(axeSource);
		const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
		check(`${name} axe`, !found.violations.length, found.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.length}, ${v.nodes[0].html.slice(0, 160)})`).join("; "));
	}
	const foreign = requests.filter((r) => r !== url && !r.startsWith("data:"));
	check(`${name} requests`, !foreign.length, foreign.join(" "));
	check(`${name} silent`, !messages.length, messages.join("; "));
	await context.close();
}

if (!files.length) {
	console.error("usage: node report.spec.mjs REPORT.html...");
	process.exit(2);
}
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

const validator = new HtmlValidate({ root: true, extends: ["html-validate:standard"] });

for (const file of files) {
	const label = file.split("/").pop();
	const result = await validator.validateFile(file);

	check(`${label} is valid HTML`, result.valid, result.results.flatMap((r) => r.messages.map((m) => `${m.line}:${m.column} ${m.ruleId}: ${m.message}`)).slice(0, 8).join("; "));

	/* the first one in every way, the others in those that differ most */
	for (const width of [360, 1600])
		for (const scheme of ["light", "dark"])
			for (const scripts of [true, false])
				if (file === files[0] || (width === 360) === (scheme === "light"))
					await checkReport(browser, pathToFileURL(file).href, label, width, scheme, scripts);
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
