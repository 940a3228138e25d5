/** Colours of a printed page: greys, one accent, and colour beyond it only for what is abnormal. */
export const ink = {
	text: "#1F2528",
	soft: "#566066",
	faint: "#A9B2B7",
	rule: "#DDE2E5",
	card: "#F4F6F7",
	accent: "#0B6E6E",
	warn: "#B26A00",
	alarm: "#B3261E",
	good: "#2E7D32",
	/** Behind curves, cheapest band first. */
	shades: ["#FBFCFC", "#F0F2F4", "#E1E6E9"],
	/** Parts of bars, cheapest band first. */
	fills: ["#C7D0D4", "#8C99A0", "#47545B"],
} as const;

export const A4 = { width: 595.28, height: 841.89 };
export const MARGIN = 40;
export const WIDTH = A4.width - 2 * MARGIN;
const BOTTOM = A4.height - 48;

export interface Box {
	x: number;
	y: number;
	w: number;
	h: number;
}

interface TextStyle {
	size?: number;
	bold?: boolean;
	color?: string;
	align?: "left" | "right" | "center";
	/** Room for it; longer text is cut with an ellipsis. */
	width?: number;
}

/** A page to draw on, from the top down: what does not fit goes to the next. */
export class Canvas {
	readonly doc: PDFKit.PDFDocument;
	/** Where the next block begins. */
	y = MARGIN;

	constructor(doc: PDFKit.PDFDocument) {
		this.doc = doc;
	}

	/** Begins a new page unless so much room is left. */
	need(height: number): void {
		if (this.y + height <= BOTTOM) return;
		this.doc.addPage();
		this.y = MARGIN;
	}

	font(size: number, bold = false): PDFKit.PDFDocument {
		return this.doc.font(bold ? "bold" : "regular").fontSize(size);
	}

	widthOf(text: string, size: number, bold = false): number {
		return this.font(size, bold).widthOfString(text);
	}

	/** One line of text with its top at y. */
	text(text: string, x: number, y: number, style: TextStyle = {}): void {
		const { size = 8, bold = false, color = ink.text, align = "left", width } = style;
		const shown = width === undefined ? text : this.cut(text, width, size, bold);
		const room = this.widthOf(shown, size, bold);
		const left = align === "right" ? x + (width ?? 0) - room : align === "center" ? x + ((width ?? 0) - room) / 2 : x;
		this.font(size, bold).fillColor(color).text(shown, left, y, { lineBreak: false });
	}

	private cut(text: string, width: number, size: number, bold: boolean): string {
		if (this.widthOf(text, size, bold) <= width + 0.01) return text;
		let end = text.length - 1;
		while (end > 1 && this.widthOf(`${text.slice(0, end)}…`, size, bold) > width) end--;
		return `${text.slice(0, end)}…`;
	}

	/** The text in one line, or in two, parted where its words are. */
	wrap(text: string, width: number, size: number): string[] {
		if (this.widthOf(text, size) <= width) return [text];
		const words = text.split(" ");
		let count = words.length - 1;
		while (count > 1 && this.widthOf(words.slice(0, count).join(" "), size) > width) count--;
		// A comma is the better place, where there is one.
		const comma = words.slice(0, count).findLastIndex((word) => word.endsWith(","));
		const at = comma >= 1 ? comma + 1 : count;
		return [words.slice(0, at).join(" "), words.slice(at).join(" ")];
	}

	/** Text over several lines; answers its height. */
	paragraph(text: string, x: number, y: number, width: number, size = 8, color: string = ink.soft): number {
		const options = { width, lineGap: 1.5 };
		const height = this.font(size).heightOfString(text, options);
		this.font(size).fillColor(color).text(text, x, y, options);
		return height;
	}

	rect({ x, y, w, h }: Box, fill: string): void {
		if (w > 0 && h > 0) this.doc.rect(x, y, w, h).fill(fill);
	}

	line(x1: number, y1: number, x2: number, y2: number, color: string = ink.rule, width = 0.5, dash?: number): void {
		this.doc.save().lineWidth(width).strokeColor(color);
		if (dash) this.doc.dash(dash, { space: dash });
		this.doc.moveTo(x1, y1).lineTo(x2, y2).stroke().restore();
	}

	/** Slanting lines over a box: what is estimated stays recognisable in a copy, too. */
	hatch({ x, y, w, h }: Box): void {
		if (w <= 0 || h <= 0) return;
		this.doc.save().rect(x, y, w, h).clip().lineWidth(0.6).strokeColor("#FFFFFF");
		for (let at = x - h; at < x + w; at += 3) {
			this.doc.moveTo(at, y + h).lineTo(at + h, y);
		}
		this.doc.stroke().restore();
	}

	/** Heading of a section with what is to be known for reading it. */
	heading(title: string, hint = ""): void {
		this.text(title, MARGIN, this.y, { size: 10.5, bold: true });
		if (hint) {
			const x = MARGIN + this.widthOf(title, 10.5, true) + 8;
			this.text(hint, x, this.y + 2.6, { size: 7, color: ink.soft, width: MARGIN + WIDTH - x });
		}
		this.y += 18;
	}
}
