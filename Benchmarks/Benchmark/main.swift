import CommandLineTool
import Formats
import Tensor

// `benchmark WORK`: one piece of work, timed; one JSON line. `benchmark all`: a table of works. `benchmark profile WORK`:
// where its time goes. `benchmark ulps FUNCTION`: its worst error over all of Float32.
runProgram {
  let tool = try CommandLineTool(
    "benchmark",
    """
    Times one piece of work and prints one JSON line; with the work "all" it times most of them and prints a table, with
    percents of the machine's own ceiling and bandwidth. "benchmark profile WORK" prints where the time of a work goes, by
    operation; of products it gives rows, depth and columns. "benchmark ulps FUNCTION" compares an elementary function
    (exp, log, tanh, erf, sigmoid, gelu, ...) with Double over all 2^32 inputs, which takes minutes.

    Works: all, ceiling, bandwidth.read, bandwidth.copy, matmul.{nn,nt,np,tn,tt,tp}.MxKxN, softmax.RxC, layernorm.RxC,
    gelu_tanh.RxC, gelu_erf.RxC, crossentropy.TxCxV, attention.{causal,full}.BxHxTxD[.backward],
    overhead.{add,matmul,softmax}.N (one operation on a row of N), gpt2.prefill.T,
    gpt2.decode.{f32,bf16,f16}, gpt2.train.BxT, bert_base.BxT, vit_b16.B,
    chargpt.train.STEPS (with --text FILE).
    """,
    operands: ["[profile | ulps]", "WORK"],
    options: [
      .init("repeats", "N", "how often the work is timed; the best and the median are printed (default: 7)"),
      .init("text", "FILE", "the text that chargpt trains on"),
    ] + CommandLineTool.runtimeOptions)
  let verb = tool.operands.first.flatMap { ["profile", "ulps"].contains($0) ? $0 : nil }
  guard let name = tool.operands.dropFirst(verb == nil ? 0 : 1).first else {
    throw InputError(.missing, "no work is named", at: "benchmark", advice: "See benchmark --help.")
  }
  guard tool.operands.count == (verb == nil ? 1 : 2) else {
    throw InputError(
      .badValue, "\"\(tool.operands[1])\" is one argument too many", at: "benchmark", advice: "See benchmark --help.")
  }
  try tool.startRuntime()
  let repeats = try tool.int("repeats", in: 1...10000)
  let text = tool.string("text")
  func printObject(_ object: JSONValue) throws(InputError) {
    print(String(decoding: try object.encoded(), as: UTF8.self))
  }
  if verb == "ulps" {
    try printObject(Measurement.object(try Accuracy(of: name).members))
  } else if verb == "profile" {
    let profile = try ProfileTable(name, reading: text, repeats: repeats)
    profile.printLines()
    if tool.has("json") { try printObject(profile.json) }
  } else if name == "all" {
    let works = try Table(reading: text, repeats: repeats).measure()
    if tool.has("json") { try printObject(works) }
  } else {
    try printObject(Measurement.object(try Measurement(name, reading: text, repeats: repeats).members))
  }
}
