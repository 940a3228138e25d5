// The kinds of model there are: a new one is a folder, and a line here.
import { machineModelKind } from "./anomaly/machine-model.ts";
import { loadModelKind } from "./forecast/load-model.ts";
import { kindNames, registerKind } from "./kinds.ts";
import { broughtModelKind } from "./onnx/brought-model.ts";

if (!kindNames().includes(machineModelKind.kind)) registerKind(machineModelKind);
if (!kindNames().includes(loadModelKind.kind)) registerKind(loadModelKind);
if (!kindNames().includes(broughtModelKind.kind)) registerKind(broughtModelKind);
