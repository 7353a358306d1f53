// A chart that makes its candles as wide as the screen and the zoom leave room for.
// `packed` is what packing.py writes: all candles of a series at their narrowest width.
async (name, figure, packed, engine) => {
  // The first place of that name that is still free: a page may show a chart twice.
  const node = document.querySelector(`[data-marketkit="${name}"]:not([data-drawn])`);
  node.dataset.drawn = true;
  const PER_CANDLE = 2.5; // pixels: below that candles can not be told apart
  const inflate = async (text) => {
    const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  // The drawing library: once for all charts of a page, and in nobody's way.
  window.marketkitPlotly ??= inflate(engine).then((bytes) => {
    const [module, theirs] = [{ exports: {} }, window.Plotly];
    const text = new TextDecoder().decode(bytes);
    new Function("module", "exports", "define", text)(module, module.exports, undefined);
    window.Plotly = theirs;
    return module.exports;
  });
  const Plotly = await window.marketkitPlotly;
  node.textContent = "";
  await Plotly.newPlot(node, figure.data, figure.layout, figure.config);
  if (!packed) return;

  const unpack = (bytes, sizes) => {
    let at = 0;
    return sizes.map((size) => {
      const column = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        const raw =
          bytes[at + i] +
          bytes[at + size + i] * 256 +
          bytes[at + 2 * size + i] * 65536 +
          bytes[at + 3 * size + i] * 16777216;
        column[i] = raw % 2 ? -(raw + 1) / 2 : raw / 2;
      }
      at += 4 * size;
      return column;
    });
  };
  const summed = (column, factor) => {
    let sum = 0;
    return column.map((each) => (sum += each) * factor);
  };
  const series = (told, columns) => {
    const [times, opens, closes, highs, lows, vol, volTens, val, valTens, ...spans] =
      columns.slice(told.first, told.first + 12);
    const scale = 10 ** told.places;
    const rows = { t: summed(times, 1000), open: [], high: [], low: [], close: [], volume: [], value: [] };
    let last = 0;
    for (let i = 0; i < times.length; i++) {
      const open = last + opens[i];
      last = open + closes[i];
      rows.open.push(open / scale);
      rows.close.push(last / scale);
      rows.high.push((Math.max(open, last) + highs[i]) / scale);
      rows.low.push((Math.min(open, last) - lows[i]) / scale);
      rows.volume.push(Number(`${vol[i]}e${volTens[i]}`));
      rows.value.push(Number(`${val[i]}e${valTens[i]}`));
    }
    const [lost, quiet, absent] = spans.map((each) => summed(each, 1000));
    return { ...told, rows, lost, quiet, absent };
  };

  const columns = unpack(await inflate(packed.data), packed.header.sizes);
  const all = packed.header.series.map((told) => series(told, columns));
  const zone = packed.header.zone;

  const MONDAY = 4 * 86400000;
  const WEEK = 7 * 86400000;
  const floored = (one, width) => {
    const origin = one.phase + (width % WEEK ? 0 : MONDAY);
    return (time) => Math.floor((time - origin) / width) * width + origin;
  };
  const offset = (time) => {
    let found = zone[0][1];
    for (const [from, by] of zone) if (time >= from) found = by;
    return found;
  };
  const clock = (time) => time + offset(time);
  // As text, for numbers would turn the axis into one of numbers.
  const shown = (ms) => new Date(ms).toISOString().slice(0, -1);
  const local = (time) => shown(clock(time));
  const utc = (time) => time - offset(time - offset(time));

  // First, highest, lowest and last price, and sums: as bins.py does it.
  const joined = (one, width, start, end) => {
    const { rows } = one;
    const floor = floored(one, width);
    const made = { t: [], open: [], high: [], low: [], close: [], volume: [], value: [] };
    for (let i = 0, n = -1; i < rows.t.length; i++) {
      if (rows.t[i] < start || rows.t[i] >= end) continue;
      const slot = floor(rows.t[i]);
      if (made.t[n] !== slot) {
        n++;
        made.t.push(slot);
        for (const name of ["open", "high", "low", "close", "volume", "value"]) made[name].push(rows[name][i]);
        continue;
      }
      made.high[n] = Math.max(made.high[n], rows.high[i]);
      made.low[n] = Math.min(made.low[n], rows.low[i]);
      made.close[n] = rows.close[i];
      made.volume[n] += rows.volume[i];
      made.value[n] += rows.value[i];
    }
    return made;
  };

  // Rectangles behind the candles, of whole slots.
  const shaded = (one, edges, width, start, end, outward) => {
    const floor = floored(one, width);
    const x = [];
    const y = [];
    let until = -Infinity;
    for (let i = 0; i < edges.length; i += 2) {
      if (edges[i + 1] <= start || edges[i] >= end) continue;
      const from = outward ? floor(edges[i]) : floor(edges[i] + width - 1);
      const to = outward ? floor(edges[i + 1] - 1) + width : floor(edges[i + 1]);
      if (to <= from) continue;
      const [left, right] = [from, to].map((edge) => shown(clock(edge) - width / 2));
      if (from <= until) {
        if (to > until) x[x.length - 2] = x[x.length - 3] = right;
      } else {
        x.push(left, left, right, right, null);
        y.push(0, 1, 1, 0, null);
      }
      until = Math.max(until, to);
    }
    return { x, y };
  };

  const MISSING = { lost: true, quiet: false, absent: false };
  const view = (one, width, start, end) => {
    const made = joined(one, width, start, end);
    const forms = made.t.map((t) => one.forming !== null && t + width > one.forming);
    const part = (wanted) => {
      const at = [...made.t.keys()].filter((i) => forms[i] === wanted);
      const pick = (name) => at.map((i) => made[name][i]);
      return { x: at.map((i) => local(made.t[i])), open: pick("open"), high: pick("high"), low: pick("low"), close: pick("close") };
    };
    const x = made.t.map(local);
    const colors = made.t.map((_, i) => packed.header.colors[made.close[i] >= made.open[i] ? 0 : 1]);
    const parts = {
      candles: part(false),
      forming: part(true),
      volume: { x, y: made.volume, "marker.color": colors, width: width * 0.8 },
      value: { x, y: made.value, "marker.color": colors, width: width * 0.8 },
    };
    for (const name in MISSING) parts[name] = shaded(one, one[name], width, start, end, MISSING[name]);
    return parts;
  };

  const spelled = (ms) => {
    const units = [[604800000, "w"], [86400000, "d"], [3600000, "h"], [60000, "m"], [1000, "s"]];
    const [unit, name] = units.find(([each]) => ms % each === 0) ?? [1, "ms"];
    return `${ms / unit}${name}`;
  };

  const refine = async () => {
    const axis = node._fullLayout.xaxis;
    const [start, end] = axis.range.map((each) => utc(axis.r2l(each)));
    const room = Math.max(100, axis._length / PER_CANDLE);
    const wanted = all[0].widths.find((each) => (end - start) / each <= room) ?? all[0].widths.at(-1);
    const margin = end - start; // so that a drag has something to show
    const views = all.map((one) => view(one, wanted, start - margin, end + margin));
    const update = {};
    const traces = [];
    figure.data.forEach((trace, index) => {
      const { series: at, part } = trace.meta ?? {};
      if (part === undefined) return;
      traces.push(index);
      const found = views[at][part];
      for (const key of ["x", "y", "open", "high", "low", "close", "marker.color", "width"]) {
        (update[key] ??= []).push(found[key]);
      }
    });
    for (const key in update) {
      // Traces that have no such key keep what they have.
      if (update[key].every((each) => each === undefined)) delete update[key];
    }
    const title = packed.header.subtitle.replace("{width}", spelled(wanted));
    await Plotly.update(node, update, { "title.subtitle.text": title }, traces);
  };

  // One at a time; of the zooms that come meanwhile the last one counts.
  let [busy, again] = [false, false];
  const follow = async () => {
    again = true;
    if (busy) return;
    busy = true;
    while (again) {
      again = false;
      await refine();
    }
    busy = false;
  };
  node.on("plotly_relayout", (change) => {
    if (Object.keys(change).some((key) => /^(xaxis|autosize|width)/.test(key))) follow();
  });
  await follow();
}
