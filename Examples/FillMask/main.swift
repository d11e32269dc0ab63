// Says which tokens a masked-language model from a Hugging Face folder expects in the place of masks.
import CommandLineTool
import Formats
import Foundation
import Pipelines
import Tensor

runProgram {
  let options = try CommandLineTool(
    "fill-mask", "Finds what is hidden in a text.", operands: ["TEXT"],
    options: [
      .init("model", "DIR", "folder with config.json, safetensors and a tokenizer (needed)"),
      .init("count", "N", "candidates for each mask (default: 5)"),
    ] + CommandLineTool.runtimeOptions)
  try options.startRuntime()
  guard let folder = options.string("model") else {
    throw InputError(.missing, "--model is needed", at: "fill-mask", advice: "See fill-mask --help.")
  }
  guard let text = options.operands.first else {
    throw InputError(.missing, "there is no text", at: "fill-mask", advice: "See fill-mask --help.")
  }
  let count = try options.int("count", in: 1...1 << 20) ?? 5

  let filler = try MaskFiller(from: folder)
  let masks = try filler.fill(text, count: count)

  for (index, candidates) in masks.enumerated() {
    if masks.count > 1 { print("\(filler.mask) \(index + 1):") }
    for candidate in candidates { print(String(format: "%7.4f  ", candidate.probability) + candidate.text) }
  }
  try options.printResult([
    (
      "masks",
      .array(
        masks.map { candidates in
          [
            "ids": .array(candidates.map { .integer($0.id) }),
            "tokens": .array(candidates.map { .string(JSONString($0.text)) }),
            "probabilities": .array(candidates.map { .number(Double("\($0.probability)") ?? Double($0.probability)) }),
          ]
        })
    )
  ])
}
