// Says what a picture shows, by a classifier from a Hugging Face folder.
import CommandLineTool
import Formats
import Foundation
import Pipelines

runProgram {
  let options = try CommandLineTool(
    "classify-image", "Says what a picture shows.", operands: ["IMAGE"],
    options: [
      .init("model", "DIR", "folder with config.json, preprocessor_config.json and safetensors (needed)"),
      .init("count", "N", "how many labels are shown (default: 5)"),
    ] + CommandLineTool.runtimeOptions)
  try options.startRuntime()
  guard let folder = options.string("model") else {
    throw InputError(.missing, "--model is needed", at: "classify-image", advice: "See classify-image --help.")
  }
  guard let path = options.operands.first else {
    throw InputError(.missing, "there is no image", at: "classify-image", advice: "See classify-image --help.")
  }
  let count = try options.int("count", in: 1...1 << 20) ?? 5

  let image = try Image(opening: path)
  let labels = try ImageClassifier(from: folder).classify(image, count: count)

  for label in labels { print(String(format: "%7.4f  ", label.probability) + label.name) }
  try options.printResult([
    ("labels", .array(labels.map { .string(JSONString($0.name)) })),
    ("probabilities", .array(labels.map { .number(Double("\($0.probability)") ?? Double($0.probability)) })),
  ])
}
