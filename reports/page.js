// SPDX-License-Identifier: MIT
"use strict";
/* Adds to a page that can be read without it: copying, sorting, search, zoom. Text is only ever written as textContent. */
(function () {
	const SVG = "http://www.w3.org/2000/svg";
	let data = {};

	try {
		data = JSON.parse(document.getElementById("data").textContent);
	} catch (e) {
		return;
	}

	/* a text of ours in the report's language; the page brings the translations */
	function T(en) {
		return data.words && data.words[en] || en;
	}

	function el(name, attrs, text) {
		const e = document.createElement(name);

		for (const k in attrs || {})
			e.setAttribute(k, attrs[k]);
		if (text !== undefined)
			e.textContent = text;
		return e;
	}

	function svg(name, attrs, text) {
		const e = document.createElementNS(SVG, name);

		for (const k in attrs || {})
			e.setAttribute(k, attrs[k]);
		if (text !== undefined)
			e.textContent = text;
		return e;
	}

	function digits(v) {
		return v >= 99.95 ? v.toFixed(0) : v >= 9.995 ? v.toFixed(1) : v.toFixed(2);
	}

	function duration(ns) {
		if (ns < 1000)
			return ns + " ns";
		if (ns < 999500)
			return digits(ns / 1e3) + " µs";
		if (ns < 999500000)
			return digits(ns / 1e6) + " ms";
		return digits(ns / 1e9) + " s";
	}

	function count(n) {
		return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
	}

	/* the time @ns behind the start, "" where the start is no date that a script can hold */
	function utc(ns) {
		const d = new Date(Date.parse((data.start || "").replace(" UTC", "Z").replace(" ", "T")) + ns / 1e6);

		return isNaN(d) ? "" : " " + d.toISOString().replace("T", " ").replace("Z", " UTC");
	}

	document.documentElement.classList.add("scripted");
	for (const e of document.querySelectorAll(".js"))
		if (e.id !== "packet-view")
			e.hidden = false;

	/* copy buttons: file:// pages may have no clipboard API, then the text is selected */
	for (const b of document.querySelectorAll("button.copy")) {
		const code = b.parentNode.querySelector("code"), label = b.firstChild;

		b.hidden = false;
		b.addEventListener("click", function () {
			const done = function (word) {
				label.nodeValue = word;
				setTimeout(function () { label.nodeValue = T("Copy"); }, 1500);
			};
			const select = function () {
				getSelection().selectAllChildren(code);
				done(T("Selected"));
			};

			if (navigator.clipboard)
				navigator.clipboard.writeText(code.textContent).then(function () { done(T("Copied")); }, select);
			else
				select();
		});
	}

	/* tables: sort by a column */
	function cellKey(row, i) {
		const c = row.cells[i];

		if (!c)
			return "";
		if (c.dataset.v !== undefined)
			return Number(c.dataset.v);
		return c.textContent;
	}

	function sortTable(table, i, th) {
		const body = table.tBodies[0], up = th.getAttribute("aria-sort") === "descending";
		const rows = Array.from(body.rows).map(function (r, k) { return [cellKey(r, i), k, r]; });

		for (const other of table.tHead.rows[0].cells)
			other.removeAttribute("aria-sort");
		th.setAttribute("aria-sort", up ? "ascending" : "descending");
		rows.sort(function (a, b) {
			const an = typeof a[0] === "number", bn = typeof b[0] === "number";
			let c;

			if (an && bn)
				c = a[0] - b[0];
			else if (an !== bn)
				return an ? -1 : 1; /* what has no number stays below */
			else
				c = a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
			return (up ? c : -c) || a[1] - b[1];
		});
		for (const r of rows)
			body.appendChild(r[2]);
	}

	for (const table of document.querySelectorAll("table:not(.matrix)")) {
		if (!table.tHead || table.tBodies[0].rows.length < 2)
			continue;
		Array.from(table.tHead.rows[0].cells).forEach(function (th, i) {
			const b = el("button", { type: "button", class: "sort" }, th.textContent);

			if (!th.textContent || th.querySelector("svg"))
				return;
			th.textContent = "";
			th.appendChild(b);
			b.addEventListener("click", function () { sortTable(table, i, th); });
		});
	}

	/* paper shows the proof that is folded on the screen; long lists stay as the reader left them */
	addEventListener("beforeprint", function () {
		for (const d of document.querySelectorAll(".evidence .sql:not([open]), .featured > details:nth-child(-n+4):not([open])")) {
			d.open = true;
			d.dataset.printed = "1";
		}
	});
	addEventListener("afterprint", function () {
		for (const d of document.querySelectorAll("details[data-printed]")) {
			d.open = false;
			delete d.dataset.printed;
		}
	});

	/* the timeline's picture in its two shapes, of which the page shows one; both show the same part and the same moment */
	function timeline() {
		const t = data.timeline, readout = document.getElementById("timeline-readout");
		let from = 0, to = t ? t.n : 0, at = -1;

		if (!t || !readout)
			return;
		const views = Array.from(document.querySelectorAll("svg.timeline"), function (picture) {
			const box = picture.viewBox.baseVal, v = {
				picture: picture, width: box.width, height: box.height, left: Number(picture.dataset.x), plot: Number(picture.dataset.w),
				axis: picture.querySelector(".axis"), cursor: picture.querySelector(".cursor"),
				select: svg("rect", { class: "select", y: 16, height: box.height - 16, width: 0 })
			};

			picture.appendChild(v.select);
			picture.setAttribute("tabindex", "0");
			return v;
		});

		/* round times, as the report draws them before any zoom */
		function ticks(v) {
			const span = (to - from) * t.bucket_ns, y = Number(v.axis.dataset.y), most = Number(v.axis.dataset.ticks);
			let step = Math.pow(10, Math.floor(Math.log10(span)));

			while (span / step > most)
				step *= 2;
			while (span / step < most / 2)
				step /= 2;
			v.axis.textContent = "";
			for (let k = Math.ceil(from * t.bucket_ns / step); k * step <= to * t.bucket_ns * 1.0001; k++) {
				const x = v.left + v.plot * (k * step - from * t.bucket_ns) / span;

				v.axis.appendChild(svg("path", { class: "tick", d: "M" + x.toFixed(1) + " " + (y + 4) + "V" + v.axis.dataset.height }));
				v.axis.appendChild(svg("text", {
					class: "t-tick", x: x.toFixed(1), y: y,
					"text-anchor": x < v.left + 20 ? "start" : x > v.width - 40 ? "end" : "middle"
				}, k ? duration(k * step) : T("start")));
			}
		}

		function drawCursor(v) {
			const x = v.left + (at + .5 - from) / (to - from) * v.plot;

			v.cursor.setAttribute("d", at < from || at >= to ? "" : "M" + x.toFixed(1) + " 16V" + v.height);
		}

		function zoom(a, b) {
			from = Math.max(0, Math.min(a, t.n - 1));
			to = Math.min(t.n, Math.max(b, from + 1));
			for (const v of views) {
				for (const p of v.picture.querySelectorAll(".plot"))
					p.setAttribute("viewBox", from + " 0 " + (to - from) + " " + p.viewBox.baseVal.height);
				ticks(v);
				drawCursor(v);
			}
		}

		function show(b) {
			const list = el("ul");

			at = b;
			views.forEach(drawCursor);
			readout.textContent = "";
			readout.appendChild(el("strong", {}, "+" + duration(b * t.bucket_ns) + " " + T("to") + " +" + duration((b + 1) * t.bucket_ns)));
			readout.appendChild(el("span", { class: "hint" }, utc(b * t.bucket_ns)));
			for (const tr of t.tracks) {
				if (!tr.v[b])
					continue;
				const li = el("li");

				li.appendChild(el("span", {}, tr.name));
				li.appendChild(el("span", {}, tr.unit === "ns" ? duration(tr.v[b]) : count(tr.v[b])));
				list.appendChild(li);
			}
			if (!list.firstChild)
				list.appendChild(el("li", {}, T("nothing")));
			readout.appendChild(list);
		}

		function zoomBy(how) {
			const size = to - from, mid = at < from || at >= to ? Math.floor((from + to) / 2) : at;
			const step = Math.max(1, Math.round(size / 4));

			if (how === "in")
				zoom(Math.floor(mid - size / 4), Math.ceil(mid + size / 4));
			else if (how === "out")
				zoom(from - Math.ceil(size / 2), to + Math.ceil(size / 2));
			else if (how === "back")
				zoom(Math.max(0, from - step), Math.max(0, from - step) + size);
			else if (how === "on")
				zoom(Math.min(t.n, to + step) - size, Math.min(t.n, to + step));
			else
				zoom(0, t.n);
		}

		function listen(v) {
			const right = v.left + v.plot;
			let drag = null;

			function xOf(ev) {
				const r = v.picture.getScreenCTM();

				return r ? (ev.clientX - r.e) / r.a : 0;
			}

			function bucketAt(x) {
				return Math.max(from, Math.min(to - 1, Math.floor(from + (x - v.left) / v.plot * (to - from))));
			}

			v.picture.addEventListener("pointermove", function (ev) {
				const x = xOf(ev);

				if (drag !== null) {
					v.select.setAttribute("x", Math.max(v.left, Math.min(drag, x)));
					v.select.setAttribute("width", Math.abs(Math.min(right, Math.max(v.left, x)) - drag));
				}
				if (x >= v.left && x <= right)
					show(bucketAt(x));
			});
			v.picture.addEventListener("pointerdown", function (ev) {
				const x = xOf(ev);

				if (x < v.left || x > right)
					return;
				if (ev.pointerType !== "mouse") {
					show(bucketAt(x));
				} else if (ev.button === 0) {
					drag = x;
					ev.preventDefault();
					v.picture.focus({ preventScroll: true });
				}
			});
			addEventListener("pointerup", function (ev) {
				if (drag === null)
					return;
				const x = Math.max(v.left, Math.min(right, xOf(ev)));

				if (Math.abs(x - drag) > 6)
					zoom(bucketAt(Math.min(x, drag)), bucketAt(Math.max(x, drag)) + 1);
				drag = null;
				v.select.setAttribute("width", 0);
			});
			v.picture.addEventListener("dblclick", function () { zoom(0, t.n); });
			v.picture.addEventListener("keydown", function (ev) {
				const mid = at < 0 ? from : at;

				if (ev.key === "ArrowRight")
					show(Math.min(to - 1, mid + 1));
				else if (ev.key === "ArrowLeft")
					show(Math.max(from, mid - 1));
				else if (ev.key === "+" || ev.key === "=")
					zoomBy("in");
				else if (ev.key === "-")
					zoomBy("out");
				else if (ev.key === "Escape")
					zoomBy("all");
				else
					return;
				ev.preventDefault();
			});
		}

		readout.appendChild(el("span", { class: "hint" }, T("Point at a time in the picture, or use the arrow keys.")));
		views.forEach(listen);
		for (const b of document.querySelectorAll("button[data-zoom]"))
			b.addEventListener("click", function () { zoomBy(b.dataset.zoom); });
	}

	/* the same lanes as the report draws for the featured packets */
	function gapWidth(ns) {
		return 1.4 + Math.log10(1 + Math.max(0, ns) / 200);
	}

	/* the shape tells the context, not the colour alone */
	function mark(kind, x, y) {
		if (kind === "drop")
			return svg("path", { class: "p-drop", d: "M" + (x - 4) + " " + (y - 10) + "h8l6 6v8l-6 6h-8l-6-6v-8z" });
		if (kind === "task")
			return svg("path", { class: "p-task", d: "M" + (x - 8) + " " + (y - 8) + "h16v16h-16z" });
		if (kind === "softirq")
			return svg("circle", { class: "p-soft", cx: x, cy: y, r: 8 });
		return svg("path", { class: "p-hard", d: "M" + x + " " + (y - 11) + "l11 11l-11 11l-11-11z" });
	}

	function drawLanes(stages, room) {
		const left = 64, width = Math.min(900, Math.max(room, 110 + 48 * stages.length)), step = 30, names = data.names;
		const cpus = Array.from(new Set(stages.map(function (s) { return s[2]; }))).sort(function (a, b) { return a - b; });
		const height = cpus.length * step + 22;
		const pic = svg("svg", { class: "lanes fit", width: width, role: "img", "aria-label": T("Stages on CPU lanes; the table below names them"), viewBox: "0 0 " + width + " " + height });
		let total = 0, x = left + 14, last = null;

		for (let i = 1; i < stages.length; i++)
			total += gapWidth(stages[i][0] - stages[i - 1][0]);
		const scale = total ? Math.min(90, (width - left - 40) / total) : 0;

		cpus.forEach(function (c, k) {
			pic.appendChild(svg("text", { class: "t-row", x: 0, y: k * step + 34 }, "CPU " + c));
			pic.appendChild(svg("path", { class: "lane", d: "M" + left + " " + (k * step + 30) + "H" + width }));
		});
		const points = stages.map(function (s, i) {
			const y = cpus.indexOf(s[2]) * step + 30, before = x;

			if (i) {
				const gap = s[0] - stages[i - 1][0];

				x += scale * gapWidth(gap);
				pic.appendChild(svg("path", { class: "way", d: "M" + before + " " + last + "L" + x + " " + y }));
				if (x - before > 58)
					pic.appendChild(svg("text", { class: "t-gap", "text-anchor": "middle", x: (x + before) / 2, y: Math.min(y, last) - 7 }, duration(gap)));
			}
			last = y;
			return [x, y];
		});
		stages.forEach(function (s, i) {
			pic.appendChild(mark(names[s[1]] === "kfree_skb" ? "drop" : names[s[4]], points[i][0], points[i][1]));
			pic.appendChild(svg("text", { class: "t-num", "text-anchor": "middle", x: points[i][0], y: points[i][1] + 4 }, String(i + 1)));
		});
		return pic;
	}

	function stageTable(stages) {
		const names = data.names, table = el("table"), body = el("tbody"), head = el("tr"), thead = el("thead");

		table.appendChild(el("caption")).appendChild(el("span", {}, T("Stages; circles are softirq, squares task, diamonds hardirq, octagons drops")));
		["#", T("Since its start"), T("After the one before"), T("Stage"), "CPU", T("Device"), T("Context"), T("Task"), T("Certainty")].forEach(function (h, i) {
			head.appendChild(el("th", { scope: "col", class: i < 3 || i === 4 ? "n" : "" }, h));
		});
		thead.appendChild(head);
		table.appendChild(thead);
		stages.forEach(function (s, i) {
			const tr = el("tr"), cells = [
				[i + 1, 1], ["+" + duration(s[0]), 1], [duration(i ? s[0] - stages[i - 1][0] : 0), 1], [names[s[1]], 0], [s[2], 1],
				[names[s[3]] || "–", 0], [T(names[s[4]]), 0], [(names[s[6]] ? names[s[6]] + " " : "") + s[5], 0], [T(names[s[7]]), 0]
			];

			for (const c of cells)
				tr.appendChild(el("td", c[1] ? { class: "n" } : {}, String(c[0])));
			body.appendChild(tr);
		});
		table.appendChild(body);
		return table;
	}

	function packets() {
		const list = document.getElementById("packet-list"), view = document.getElementById("packet-view");
		const form = document.getElementById("packet-search"), words = document.getElementById("packet-words"), output = document.getElementById("packet-count");

		if (!list || !view || !form || !data.packets)
			return;
		const rows = Array.from(list.querySelectorAll("tr[data-p]"));
		const byId = new Map(data.packets.map(function (p) { return [String(p.id), p]; }));
		const texts = rows.map(function (r) { return r.textContent.toLowerCase(); });
		let on = null;

		function open(row) {
			const p = byId.get(row.dataset.p), box = el("div", { class: "scroll plain", tabindex: "0", role: "region", "aria-label": T("Stages on CPU lanes") });

			if (!p)
				return;
			if (on)
				on.classList.remove("on");
			on = row;
			row.classList.add("on");
			view.textContent = "";
			view.hidden = false;
			view.appendChild(el("h3", {}, T("Packet") + " " + p.id + ": " + row.querySelector(".flowname").textContent + ", " + row.cells[6].textContent));
			if (!p.s.length) {
				view.appendChild(el("p", {}, T("No stage of this packet was seen.")));
				return;
			}
			view.appendChild(box);
			box.appendChild(drawLanes(p.s, box.clientWidth));
			const wide = el("div", { class: "cards steps" }), inner = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": T("Stages") });

			inner.appendChild(stageTable(p.s));
			wide.appendChild(inner);
			view.appendChild(wide);
			if (p.left)
				view.appendChild(el("p", { class: "more" }, T("%s more stages are left out.").replace("%s", count(p.left))));
		}

		rows.forEach(function (row) {
			const th = row.cells[0], b = el("button", { type: "button", class: "pick" }, th.textContent);

			th.textContent = "";
			th.appendChild(b);
			b.setAttribute("aria-label", T("Show packet") + " " + b.textContent);
			b.addEventListener("click", function () {
				open(row);
				history.replaceState(null, "", "#" + row.id);
			});
		});

		function search() {
			const want = words.value.toLowerCase().split(/\s+/).filter(Boolean);
			let shown = 0;

			rows.forEach(function (row, i) {
				const hit = want.every(function (w) { return texts[i].includes(w); });

				row.hidden = !hit;
				shown += hit;
			});
			output.textContent = want.length ? count(shown) + " / " + count(rows.length) : T("packets: %s").replace("%s", count(rows.length));
		}

		form.addEventListener("submit", function (ev) { ev.preventDefault(); });
		words.addEventListener("input", search);
		search();

		/* #packet-N opens the packet, also where the search hides its row */
		function follow() {
			const row = rows.find(function (r) { return "#" + r.id === location.hash; });

			if (!row)
				return false;
			if (row.hidden) {
				words.value = "";
				search();
			}
			open(row);
			row.scrollIntoView({ block: "center" });
			return true;
		}

		addEventListener("hashchange", follow);
		if (!follow() && rows.length)
			open(rows[0]);
	}

	/* one part of the host in the stack's picture at a time */
	function stack() {
		const choice = document.getElementById("stack-choice"), host = document.getElementById("stack-host"), parts = document.getElementById("stack-scopes");

		if (!choice || !host || !parts)
			return;
		const all = Array.from(parts.querySelectorAll("details.scope"));

		for (const d of all)
			choice.appendChild(el("option", { value: d.id }, d.querySelector(".name").textContent));
		choice.addEventListener("change", function () {
			host.hidden = choice.value !== "";
			parts.classList.toggle("one", choice.value !== "");
			for (const d of all) {
				d.classList.toggle("chosen", d.id === choice.value);
				d.open = d.id === choice.value;
			}
		});
	}

	stack();
	timeline();
	packets();
})();
