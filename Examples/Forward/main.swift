// Runs a model of any class on tensors from a file, and writes what it returns.
import Checkpoints
import CommandLineTool
import Formats
import Models
import Tensor

runProgram {
  let options = try CommandLineTool(
    "forward",
    "Runs a model from a Hugging Face folder on tensors from a file, and writes the tensors that it returns.",
    options: [
      .init("model", "DIR", "folder with config.json, which names the model's class, and safetensors (needed)"),
      .init("inputs", "FILE", "safetensors with input_ids and so on, named as in Hugging Face's forward (needed)"),
      .init("outputs", "FILE", "safetensors to write, with logits and so on (needed)"),
    ] + CommandLineTool.runtimeOptions)
  try options.startRuntime()
  func needed(_ name: String) throws(InputError) -> String {
    guard let value = options.string(name) else {
      throw InputError(.missing, "--\(name) is needed", at: "forward", advice: "See forward --help.")
    }
    return value
  }
  let (folder, inputPath, outputPath) = (try needed("model"), try needed("inputs"), try needed("outputs"))

  let architecture = try Architecture(of: folder)
  let inputs = try ForwardInputs(opening: inputPath)
  let outputs = try architecture.load(folder, nil).outputs(of: inputs)
  try saveTensors(outputs, to: outputPath)

  print("\(architecture.name):", outputs.map { "\($0.name) \($0.value.shape)" }.joined(separator: ", "))
  try options.printResult([
    ("architecture", .string(JSONString(architecture.name))),
    ("outputs", .array(outputs.map { .string(JSONString($0.name)) })),
  ])
}
