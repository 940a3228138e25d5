import { parseDate } from "../calendar/civil.ts";
import { koreanHolidays } from "../calendar/holidays.ts";

/** On which days besides Sundays a plant in this zone is closed: the public holidays of Korea there, none elsewhere. */
export function plantHolidays(timeZone: string): (localDate: string) => boolean {
	if (timeZone !== "Asia/Seoul") return () => false;
	const calendar = koreanHolidays();
	return (localDate) => calendar.isHoliday(parseDate(localDate));
}
