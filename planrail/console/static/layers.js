// Layers: where the nodes of a graph stand, and the way of its edges. Each node stands below all that it needs; an edge that
// passes layers has a place of its own in each of them, so that it goes around nodes; what other edges say already is left out. Pure.

const SWEEPS = 8;

/** {layers, ways}: lists of ids from the top, places of edges among them (`e3:2`), and for each edge that is drawn its ids in order. */
export function layered(ids, edges) {
  const order = new Map(ids.map((id, n) => [id, n]));
  const said = reduced(ids, edges.filter(([from, to]) => order.get(from) < order.get(to)), order); // a script needs only what stands before
  const depth = new Map();
  const needs = new Map(ids.map((id) => [id, []]));
  for (const [from, to] of said) needs.get(to).push(from);
  for (const id of ids) depth.set(id, Math.max(-1, ...needs.get(id).map((a) => depth.get(a))) + 1);
  const layers = [];
  for (const id of ids) (layers[depth.get(id)] ??= []).push(id);
  const ways = said.map(([from, to], n) => {
    const way = [from];
    for (let d = depth.get(from) + 1; d < depth.get(to); d += 1) {
      const place = `e${n}:${d}`;
      layers[d].push(place);
      way.push(place);
    }
    return [...way, to];
  });
  swept(layers, ways);
  return { layers, ways };
}

/** The edges without those that a longer way says too. */
function reduced(ids, edges, order) {
  const below = new Map(ids.map((id) => [id, new Set()]));
  for (const [from, to] of edges) below.get(from).add(to);
  const reach = new Map();
  const kept = [];
  for (const id of [...ids].reverse()) {
    const reached = new Set();
    for (const next of [...below.get(id)].sort((a, b) => order.get(a) - order.get(b))) {
      if (reached.has(next)) continue;
      kept.push([id, next]);
      reached.add(next);
      for (const further of reach.get(next)) reached.add(further);
    }
    reach.set(id, reached);
  }
  return kept;
}

/** Order each layer by the middle of what its members hang on, downwards and upwards in turn. */
function swept(layers, ways) {
  const above = new Map(layers.flat().map((id) => [id, []]));
  const below = new Map(layers.flat().map((id) => [id, []]));
  for (const way of ways) {
    for (let n = 1; n < way.length; n += 1) {
      above.get(way[n]).push(way[n - 1]);
      below.get(way[n - 1]).push(way[n]);
    }
  }
  const place = new Map();
  const kept = (layer) => layer.forEach((id, n) => place.set(id, n - (layer.length - 1) / 2));
  layers.forEach(kept);
  for (let n = 0; n < SWEEPS; n += 1) {
    const near = n % 2 ? below : above;
    for (const layer of n % 2 ? [...layers].reverse() : layers) {
      const wanted = new Map(layer.map((id) => [id, near.get(id).length ? near.get(id).reduce((sum, other) => sum + place.get(other), 0) / near.get(id).length : place.get(id)]));
      layer.sort((a, b) => wanted.get(a) - wanted.get(b));
      kept(layer);
    }
  }
}
