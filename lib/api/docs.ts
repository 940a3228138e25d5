import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { HttpRequest, HttpResponse } from "../access/http.ts";
import { knownProblems, type Language } from "../messages.ts";
import { packageRoot } from "../package-root.cjs";
import { escapeHtml, pageHtml, pageStyle } from "../pages/page.ts";
import { problemPage } from "../problem.ts";
import { etagOf, namesTag } from "./etag.ts";
import { encodingOf } from "./negotiate.ts";

interface Asset {
	type: string;
	content: Buffer;
	zipped: Buffer;
	etag: string;
}

const root = "/api/docs";
const stylePath = `${root}/page.css`;
const html = "text/html; charset=utf-8";

/** The page asks this server alone, and runs no line of code that stands in it. */
const policy = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"connect-src 'self'",
	"img-src 'self'",
	"form-action 'none'",
	"base-uri 'none'",
	"frame-ancestors 'none'",
].join("; ");

/** Files that the page loads, by path: those that ship as they are, and what the build makes of the others. */
const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
	[`${root}/page.js`]: ["dist/api-docs/page.js", "text/javascript; charset=utf-8"],
	[`${root}/openapi.json`]: ["dist/openapi.json", "application/json; charset=utf-8"],
	[`${root}/openapi.ko.json`]: ["dist/openapi.ko.json", "application/json; charset=utf-8"],
	[`${root}/openapi.yaml`]: ["flows/openapi.yaml", "application/yaml; charset=utf-8"],
	[`${root}/asyncapi.yaml`]: ["flows/asyncapi.yaml", "application/yaml; charset=utf-8"],
};

const read = new Map<string, Asset>();

function assetOf(path: string, language: Language): Asset | undefined {
	if (path === problemPage) return made(`${path} ${language}`, html, () => problemsHtml(language));
	if (path === root) return made(path, html, docsHtml);
	if (path === stylePath) return made(path, "text/css; charset=utf-8", () => pageStyle("lib/api/page/page.css"));
	const found = Object.hasOwn(files, path) ? files[path] : undefined;
	if (!found) return undefined;
	const [file, type] = found;
	return made(path, type, () => readFileSync(join(packageRoot, file)));
}

function made(key: string, type: string, content: () => Buffer | string): Asset {
	const known = read.get(key);
	if (known) return known;
	const bytes = Buffer.from(content());
	const asset: Asset = { type, content: bytes, zipped: gzipSync(bytes, { level: 9 }), etag: etagOf(bytes) };
	read.set(key, asset);
	return asset;
}

/** Whether a path is one of the documentation's, which answer to anyone. */
export function isDocs(path: string): boolean {
	return [problemPage, root, `${root}/`, stylePath].includes(path) || Object.hasOwn(files, path);
}

/** Answers a path of the documentation. */
export function sendDocs(req: HttpRequest, res: HttpResponse, path: string, language: Language): void {
	const asset = assetOf(path, language);
	if (!asset) {
		// With a slash behind, the page's own files would be looked for one folder too deep.
		res.writeHead(308, { Location: (req.baseUrl ?? "") + root, "Content-Length": "0" });
		res.end();
		return;
	}
	res.setHeader("Content-Security-Policy", policy);
	res.setHeader("Cache-Control", "no-cache");
	res.setHeader("ETag", asset.etag);
	res.setHeader("Vary", "Accept-Encoding, Accept-Language");
	if (namesTag(req.headers["if-none-match"], asset.etag)) {
		res.writeHead(304);
		res.end();
		return;
	}
	const zipped = encodingOf(req.headers["accept-encoding"]) !== undefined;
	const body = zipped ? asset.zipped : asset.content;
	if (zipped) res.setHeader("Content-Encoding", "gzip");
	res.writeHead(200, { "Content-Type": asset.type, "Content-Length": body.length });
	res.end(body);
}

const words: Readonly<Record<Language, { title: string; lead: string; code: string; status: string; text: string }>> = {
	"en-US": {
		title: "Problem codes",
		lead: "What the API answers when a request fails (RFC 9457): the code is the problem's title and the fragment of its type; the sentence is its detail, with the places in braces filled.",
		code: "Code",
		status: "Status",
		text: "What happened, and what to do",
	},
	ko: {
		title: "문제 코드",
		lead: "요청이 실패했을 때 API가 응답하는 내용(RFC 9457)입니다. 코드는 problem의 title이자 type의 #뒤 부분이고, 문장은 detail이며 중괄호 자리에 실제 값이 들어갑니다.",
		code: "코드",
		status: "상태",
		text: "설명과 조치",
	},
};

/** The page that `type` of every problem leads to. */
function problemsHtml(language: Language): string {
	const { title, lead, code, status, text } = words[language];
	const rows = knownProblems()
		.toSorted((a, b) => (a.code < b.code ? -1 : 1))
		.map((each) => {
			const cells = [`<code>${escapeHtml(each.code)}</code>`, String(each.status), escapeHtml(each.texts[language])];
			return `<tr id="${escapeHtml(each.code)}">${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
		});
	const head = [code, status, text].map((cell) => `<th scope="col">${cell}</th>`).join("");
	return pageHtml({
		language,
		title,
		icon: "../../favicon.ico",
		style: "page.css",
		look: "plain",
		body: `<main>
<h1>${title}</h1>
<p class="lead">${lead}</p>
<p class="links"><a href="../docs">API</a><a href="?lang=en" lang="en">English</a><a href="?lang=ko" lang="ko">한국어</a></p>
<table><thead><tr>${head}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table>
</main>`,
	});
}

/** The page of the contract, which its script fills in the reader's language. */
function docsHtml(): string {
	return pageHtml({
		language: "en-US",
		title: "Smart Energy API",
		icon: "../favicon.ico",
		style: "docs/page.css",
		script: "docs/page.js",
		body: `<nav aria-label="API"></nav>
<main><noscript>This page shows the contract with a script. The contract itself: <a href="docs/openapi.yaml">openapi.yaml</a></noscript></main>`,
	});
}
