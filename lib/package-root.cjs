// The one place that knows where the package lies. Sources (ES modules when run as they are) and the build
// (CommonJS) both import it, so neither needs __dirname or import.meta.
const { existsSync } = require("node:fs");
const { dirname, join } = require("node:path");

let root = __dirname;
while (!existsSync(join(root, "package.json"))) root = dirname(root);
exports.packageRoot = root;
