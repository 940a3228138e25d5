import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { EnergyError } from "../../errors.ts";
import type { Language } from "../../messages.ts";
import { packageRoot } from "../../package-root.cjs";
import type { Report } from "../report.ts";
import { Writer } from "../words.ts";
import { drawReport } from "./draw.ts";

/** Optional packages that a PDF needs; both are found from this package, wherever it is installed. */
const LIBRARY = "pdfkit";
const FONT = "@expo-google-fonts/nanum-gothic";

export interface PdfFonts {
	/** Paths of TrueType or OpenType fonts that know Korean. */
	regular: string;
	bold: string;
}

/** Nanum Gothic (SIL Open Font License). @throws EnergyError `report.pdf-missing` */
function shippedFonts(): PdfFonts {
	const { resolve } = createRequire(join(packageRoot, "package.json"));
	try {
		return {
			regular: resolve(`${FONT}/400Regular/NanumGothic_400Regular.ttf`),
			bold: resolve(`${FONT}/700Bold/NanumGothic_700Bold.ttf`),
		};
	} catch (cause) {
		throw new EnergyError("report.pdf-missing", { name: FONT }, { cause });
	}
}

/**
 * The font with zeros behind it: fontkit reads the header even of an empty glyph, and where that is the last one (the
 * space of Nanum Gothic) it would read past the end of the file.
 */
function padded(path: string): Buffer {
	return Buffer.concat([readFileSync(path), Buffer.alloc(64)]);
}

/**
 * A report as a PDF, A4. Takes some tenths of a second: run it in a worker (`renderPdf`), never on the event loop.
 *
 * @throws EnergyError `report.pdf-missing`
 */
export async function makePdf(report: Report, language: Language, fonts: PdfFonts = shippedFonts()): Promise<Buffer> {
	const { default: PDFDocument } = await import("pdfkit").catch((cause: unknown) => {
		throw new EnergyError("report.pdf-missing", { name: LIBRARY }, { cause });
	});
	const writer = new Writer(language);
	const title = writer.word(report.kind === "day" ? "titleDay" : "titleMonth");
	const regular = padded(fonts.regular);
	const doc = new PDFDocument({
		...{ size: "A4", margin: 40, bufferPages: true, lang: language, font: "" },
		info: {
			Title: `${title} ${writer.period(report.kind, report.period)}, ${report.site.name}`,
			CreationDate: new Date(report.created),
			ModDate: new Date(report.created),
		},
	});
	doc.registerFont("regular", regular);
	doc.registerFont("bold", padded(fonts.bold));
	const chunks: Buffer[] = [];
	const ended = new Promise<Buffer>((resolve, reject) => {
		doc.on("data", (chunk: Buffer) => chunks.push(chunk));
		doc.on("end", () => resolve(Buffer.concat(chunks)));
		doc.on("error", reject);
	});
	drawReport(doc, report, language);
	doc.end();
	return ended;
}
