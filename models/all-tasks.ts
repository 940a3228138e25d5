// The tasks that models are trained for: a new one is a file in its folder, and a line here.
import { anomalyTask } from "./anomaly/training.ts";
import { forecastTask } from "./forecast/training.ts";
import { registerTask } from "./tasks.ts";

registerTask(anomalyTask);
registerTask(forecastTask);
