/// Why files of PyTorch and pickles are not read.
package func pickledFile() -> InputError {
  InputError(
    .unsupported, "is a pickle file, which can run any code when it is loaded",
    advice: "Fetch the safetensors file of the model or, where you trust the file, convert it in Python: "
      + "safetensors.torch.save_file(torch.load(PATH, weights_only=True), \"model.safetensors\").")
}

/// What a file that is no safetensors file is, if its first bytes tell.
package func foreignFormat(_ start: [UInt8]) -> InputError? {
  func begins(_ text: String) -> Bool { start.starts(with: text.utf8) }
  // A length below 2^32 and then JSON: what is wrong with it, is wrong with a safetensors file.
  let isPlausible = start.count > 8 && start[4..<8].allSatisfy { $0 == 0 } && "{ \t\n\r".utf8.contains(start[8])
  if isPlausible { return nil }
  let isZip = start.starts(with: [0x50, 0x4B, 0x03, 0x04])
  let isPickle = start.count >= 3 && start[0] == 0x80 && 2...5 ~= start[1] && start[2] != 0
  if isZip || isPickle { return pickledFile() }
  if begins("version https://git-lfs") {
    return InputError(
      .badMagic, "is a Git LFS pointer, not the file itself", advice: "Fetch the file with `git lfs pull`.")
  }
  let text = String(decoding: start, as: UTF8.self).lowercased()
  if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") {
    return InputError(
      .badMagic, "is a web page", advice: "The download failed: an error page or a login page was saved instead.")
  }
  if begins("GGUF") { return InputError(.badMagic, "is a GGUF file", advice: "Open it with the GGUF reader.") }
  if begins("{"), !start.contains(0) { return InputError(.badMagic, "is JSON text, not a safetensors file") }
  return nil
}
