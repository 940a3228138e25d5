/** Kind of a model that somebody brought: alone in its file, so that who only asks for the name loads nothing. */
export const BROUGHT_KIND = "onnx-forecast";
