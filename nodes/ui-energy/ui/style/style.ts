// The style sheet of all cards. The order is part of it: what stands later narrows or widens what stands before.
import access from "./access.css";
import alarms from "./alarms.css";
import bills from "./bills.css";
import chart from "./chart.css";
import demand from "./demand.css";
import forecast from "./forecast.css";
import machines from "./machines.css";
import page from "./page.css";
import price from "./price.css";
import schedule from "./schedule.css";
import screen from "./screen.css";

export const style = [page, machines, chart, screen, price, demand, bills, alarms, schedule, forecast, access].join("");
