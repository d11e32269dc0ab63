// Turns texts into vectors with a sentence-embedding model from a Hugging Face folder.
import CommandLineTool
import Formats
import Pipelines
import Tensor

runProgram {
  let options = try CommandLineTool(
    "embed", "Turns texts into vectors, or says how alike they are.", operands: ["TEXT..."],
    options: [
      .init("model", "DIR", "folder with config.json, safetensors, a tokenizer and, if any, modules.json (needed)"),
      .init("normalize", nil, "divide each vector by its length"),
      .init("similarity", nil, "print how alike every text is to every other, instead of the vectors"),
    ] + CommandLineTool.runtimeOptions)
  try options.startRuntime()
  guard let folder = options.string("model") else {
    throw InputError(.missing, "--model is needed", at: "embed", advice: "See embed --help.")
  }
  guard !options.operands.isEmpty else {
    throw InputError(.missing, "there is no text", at: "embed", advice: "See embed --help.")
  }

  let embedder = try TextEmbedder(from: folder)
  let vectors = try embedder.encode(options.operands, normalizing: options.has("normalize"))
  let shown = options.has("similarity") ? embedder.similarity(vectors, vectors) : vectors

  for row in rows(shown) { print(row.map { "\($0)" }.joined(separator: " ")) }
  var result = [("embeddings", json(vectors))]
  if options.has("similarity") { result.append(("similarities", json(shown))) }
  try options.printResult(result)
}

/// The rows of a matrix.
func rows(_ matrix: Tensor) -> [ArraySlice<Float>] {
  let scalars = matrix.scalars, width = matrix.shape[1]
  return (0..<matrix.shape[0]).map { scalars[$0 * width..<($0 + 1) * width] }
}

/// A matrix as lists of numbers, each the shortest that reads as the same.
func json(_ matrix: Tensor) -> JSONValue {
  .array(rows(matrix).map { .array($0.map { .number(Double("\($0)") ?? Double($0)) }) })
}
