// Every text in sight that stands out too little from its ground: [class, text, contrast].
() => {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const of = (colour) => {
    const [r, g, b, alpha = 1] = numbers(colour);
    return colour.startsWith("color(srgb") ? [r * 255, g * 255, b * 255, alpha] : [r, g, b, alpha];
  };
  const linear = (part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.getClientRects().length || element.closest(":disabled, .unseen, .skip, svg, option")) continue;
    let ground = null;
    for (let at = element; at && !ground; at = at.parentElement) {
      const colour = of(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) ground = colour;
    }
    const [one, other] = [light(of(getComputedStyle(element).color)), light(ground ?? [255, 255, 255])];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.49) found.push([element.className, text.slice(0, 30), ratio.toFixed(2)]);
  }
  return found;
}
