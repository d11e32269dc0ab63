import Formats
@_exported import Models
import Tensor
@_exported import Tokenizers

/// The attention of a model over a short text, drawn: a map for each head of each layer.
///
/// A map has a row for each token that looks and a column for each token that is looked at; the darker a square, the
/// greater the weight. Weights below half a percent are left white. The picture is one SVG file that needs nothing
/// besides it.
///
/// - Parameters:
///   - tokens: token ids, from 1 to `attentionPictureLimit`.
///   - labels: what to call each token; any text. Long ones are cut.
/// - Returns: the text of the SVG file, UTF-8.
/// - Throws: `sizeMismatch` for another number of labels than tokens, `tooLarge` for more tokens than can be read in a
///   picture, and as `attention(over:)`.
public func attentionPicture(
  of model: some LanguageModel, tokens: [Int], labels: [String]
) throws(InputError) -> String {
  guard labels.count == tokens.count else {
    throw InputError(.sizeMismatch, "\(labels.count) labels for \(tokens.count) tokens", at: "labels")
  }
  guard tokens.count <= attentionPictureLimit else {
    throw InputError(
      .tooLarge, "\(tokens.count) tokens are too many for one picture", at: "tokens",
      advice: "Use \(attentionPictureLimit) or fewer.")
  }
  let layers = try model.attention(over: tokens)
  return AttentionGrid(title: "Attention of \(type(of: model))", layers: layers, labels: labels.map(shortLabel)).svg
}

/// The most tokens of one picture.
public let attentionPictureLimit = 128

/// The attention of a model over a text, drawn with the text's tokens as labels.
///
/// - Throws: as `attentionPicture(of:tokens:labels:)`, and as the tokenizer for text that it does not know.
public func attentionPicture(
  of model: some LanguageModel, text: String, tokenizer: some Tokenizer
) throws(InputError) -> String {
  let tokens = try tokenizer.encode(text)
  var labels: [String] = []
  for id in tokens {
    let label = try tokenizer.decode([id])
    // A lone space at a text's start decodes to nothing.
    labels.append(label.isEmpty ? tokenizer.token(of: id) ?? "" : label)
  }
  return try attentionPicture(of: model, tokens: tokens, labels: labels)
}

/// Draws attention to a file, which is replaced whole or not at all.
///
/// - Throws: as `attentionPicture(of:tokens:labels:)`, and `io` where the file cannot be written.
public func writeAttentionPicture(
  of model: some LanguageModel, tokens: [Int], labels: [String], to path: String
) throws(InputError) {
  try AtomicFile.write(Array(attentionPicture(of: model, tokens: tokens, labels: labels).utf8), to: path)
}

/// The layout of the picture, in pixels.
private struct AttentionGrid {
  let title: String
  /// `[heads, queries, keys]` for each layer.
  let layers: [Tensor]
  let labels: [String]

  private let square = 14, gap = 18, margin = 28, header = 84, layerName = 22, headName = 20
  private var mapSide: Int { square * labels.count }
  private var labelLength: Int { 8 + (labels.map(estimatedWidth).max() ?? 0) }
  private var mapsLeft: Int { margin + layerName + labelLength }
  private var rowHeight: Int { headName + labelLength + mapSide + gap }
  private var headCount: Int { layers.map { $0.shape[0] }.max() ?? 0 }
  private var width: Int { max(mapsLeft + headCount * (mapSide + gap) - gap + margin, 560) }
  private var height: Int { header + layers.count * rowHeight - gap + margin }

  var svg: String {
    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
      font-family="system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif" font-size="11" fill="#1f2933">
      <title>\(escaped(title))</title>
      <style>
      .map path { shape-rendering: crispEdges } .name { font-weight: 600; fill: #52606d } .frame { fill: none; \
      stroke: #cbd2d9 }

      """
    for level in 1...ColorScale.levels { out += ".w\(level) { fill: \(ColorScale.color(level)) }\n" }
    out += """
      </style>
      <rect width="100%" height="100%" fill="#ffffff"/>
      <text x="\(margin)" y="\(margin + 12)" font-size="18" font-weight="600">\(escaped(title))</text>
      <text x="\(margin)" y="\(margin + 32)" fill="#52606d">Each row is a token, and its squares are the tokens that it looks at.</text>

      """
    drawLegend(&out)
    for (layer, weights) in layers.enumerated() { draw(layer, weights, top: header + layer * rowHeight, &out) }
    return out + "</svg>\n"
  }

  private func draw(_ layer: Int, _ weights: Tensor, top: Int, _ out: inout String) {
    let mapTop = top + headName + labelLength, middle = mapTop + mapSide / 2
    out += """
      <text class="name" text-anchor="middle" transform="translate(\(margin + 10) \(middle)) rotate(-90)">layer \
      \(layer)</text>

      """
    for (query, label) in labels.enumerated() {
      let y = mapTop + query * square + square / 2 + 4
      out += "<text x=\"\(mapsLeft - 5)\" y=\"\(y)\" text-anchor=\"end\">\(escaped(label))</text>\n"
    }
    weights.withScalars { scalars in
      for head in 0..<weights.shape[0] {
        let left = mapsLeft + head * (mapSide + gap)
        out += "<g class=\"map\" transform=\"translate(\(left) \(mapTop))\">"
        out += "<title>layer \(layer), head \(head)</title>\n"
        let nameX = mapSide / 2
        out +=
          "<text class=\"name\" x=\"\(nameX)\" y=\"\(-labelLength - 6)\" text-anchor=\"middle\">head \(head)</text>\n"
        for (key, label) in labels.enumerated() {
          let x = key * square + square / 2 + 4
          out += "<text transform=\"translate(\(x) -5) rotate(-90)\">\(escaped(label))</text>\n"
        }
        let start = head * labels.count * labels.count
        drawMap(UnsafeBufferPointer(rebasing: scalars[start..<start + labels.count * labels.count]), &out)
        out += "</g>\n"
      }
    }
  }

  /// One path for each colour: a square is a few characters.
  private func drawMap(_ weights: UnsafeBufferPointer<Float>, _ out: inout String) {
    let count = labels.count
    let stairs = String(repeating: "v\(square)h\(square)", count: count - 1)  // keys that come after the query
    out += "<path fill=\"#f0f2f4\" d=\"M\(square) 0\(stairs)V0z\"/>\n"
    var paths = [String](repeating: "", count: ColorScale.levels + 1)
    for query in 0..<count {
      for key in 0...query {
        let level = ColorScale.level(weights[query * count + key])
        if level > 0 { paths[level] += "M\(key * square) \(query * square)h\(square)v\(square)h-\(square)z" }
      }
    }
    for (level, path) in paths.enumerated() where !path.isEmpty {
      out += "<path class=\"w\(level)\" d=\"\(path)\"/>\n"
    }
    out += "<rect class=\"frame\" x=\"-0.5\" y=\"-0.5\" width=\"\(mapSide + 1)\" height=\"\(mapSide + 1)\"/>\n"
  }

  private func drawLegend(_ out: inout String) {
    let length = 200, step = 200 / ColorScale.levels
    out += "<g class=\"map\" transform=\"translate(\(width - margin - length) \(margin))\">\n"
    out += "<text x=\"-10\" y=\"10\" text-anchor=\"end\" fill=\"#52606d\">weight</text>\n"
    for level in 1...ColorScale.levels {
      out += "<path class=\"w\(level)\" d=\"M\((level - 1) * step) 0h\(step)v12h-\(step)z\"/>\n"
    }
    out += "<rect class=\"frame\" x=\"-0.5\" y=\"-0.5\" width=\"\(length + 1)\" height=\"13\"/>\n"
    for percent in [0, 5, 25, 50, 100] {
      let x = Int(ColorScale.position(Double(percent) / 100) * Double(length))
      out += "<text x=\"\(x)\" y=\"26\" text-anchor=\"middle\" fill=\"#52606d\">\(percent)%</text>\n"
    }
    out += "</g>\n"
  }
}
