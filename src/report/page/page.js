// Draws the report from the JSON in the element #data. Everything was counted before (src/report/page_data.cpp); here
// is only drawing. Text from the data reaches the page through textContent alone, never as markup.
'use strict';

(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const runs = data.runs;
  const several = runs.length > 1;
  const main = document.querySelector('main');

  // ---- Elements ------------------------------------------------------------------------------------------------

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  }
  const html = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const svg = (name, attributes, ...children) =>
    fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

  // ---- Numbers -------------------------------------------------------------------------------------------------

  const known = (value) => typeof value === 'number' && isFinite(value);
  const fixed = (value, digits) => (known(value) ? value.toFixed(digits) : '–');
  const percent = (share, digits = 1) => (known(share) ? (100 * share).toFixed(digits) + '\u00a0%' : '–');
  const count = (number) => (known(number) ? number.toLocaleString('en-US') : '–');
  const counted = (number, noun) => count(number) + ' ' + noun + (number === 1 ? '' : 's');
  const scientific = (value) => (known(value) ? (value === 0 ? '0' : Number(value.toPrecision(3)).toString()) : '–');
  const milliseconds = (seconds) =>
    !known(seconds) ? '–' : seconds >= 1 ? fixed(seconds, 2) + ' s' : short3(1000 * seconds) + ' ms';
  const short3 = (value) => String(Number(value.toPrecision(3)));
  const scoreText = (value, isShare) => (isShare ? percent(value) : fixed(value, 3));
  function differenceText(value, isShare) {
    if (!known(value)) return '–';
    const size = isShare ? (100 * Math.abs(value)).toFixed(1) : Math.abs(value).toFixed(3);
    return (Number(size) === 0 ? '' : value < 0 ? '−' : '+') + size + (isShare ? '\u00a0points' : '');
  }
  const between = (low, high, text) => (known(low) && known(high) ? `${text(low)} to ${text(high)}`.replace(/\u00a0(%|points) to /, ' to ') : '–');
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const widthName = (width) => String(width);
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  // ---- Colours -------------------------------------------------------------------------------------------------

  const runColours = 6;
  const runColour = (run) => `var(--run-${run % runColours})`;
  const runDash = (run) => ['', '7 3', '2 3', '9 3 2 3'][Math.floor(run / runColours) % 4];
  function widthColour(index, widths) {
    if (widths < 2) return 'var(--wide)';
    const place = (200 * index) / (widths - 1);
    return place <= 100
      ? `color-mix(in oklab, var(--middle) ${place}%, var(--narrow))`
      : `color-mix(in oklab, var(--wide) ${place - 100}%, var(--middle))`;
  }
  const swatch = (colour) => html('span', {class: 'swatch', style: `background:${colour}`, 'aria-hidden': 'true'});

  // ---- Values under the pointer --------------------------------------------------------------------------------

  const tip = html('div', {id: 'tip', hidden: ''});
  const spoken = html('div', {class: 'spoken', 'aria-live': 'polite'});
  document.body.append(tip, spoken);

  /// lines[0] is the title.
  function showTip(lines, x, y, aloud) {
    tip.replaceChildren(html('b', {}, lines[0]), ...lines.slice(1).map((line) => html('div', {}, line)));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const left = Math.max(4, Math.min(x + 14, room - box.width - 4));
    const above = y - box.height - 12;
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${(above > 4 ? above : y + 18) + window.scrollY}px`;
    if (aloud) spoken.textContent = lines.join(', ');
  }
  const hideTip = () => { tip.hidden = true; };
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') hideTip(); });

  /// Shows the lines while the pointer is over the element.
  function explain(element, lines) {
    element.addEventListener('pointermove', (event) => showTip(lines, event.clientX, event.clientY, false));
    element.addEventListener('pointerdown', (event) => showTip(lines, event.clientX, event.clientY, false));
    element.addEventListener('pointerleave', hideTip);
    return element;
  }

  // ---- Scales --------------------------------------------------------------------------------------------------

  function niceTicks(low, high, most) {
    const rough = (high - low) / Math.max(1, most);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) ticks.push(Number((i * step).toPrecision(12)));
    return ticks;
  }
  function decadeTicks(low, high) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; ++power)
      for (const factor of [1, 2, 5]) ticks.push(factor * 10 ** power);
    return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  }
  /// axis: domain [low, high], log (optional). Returns a function from values to pixels.
  function scale(axis, from, to) {
    const place = axis.log ? Math.log : (value) => value;
    const [low, high] = axis.domain.map(place);
    return (value) => from + ((place(value) - low) / (high - low || 1)) * (to - from);
  }
  /// The values' range with room around it, never empty.
  function padded(values, share = 0.08, least = 0) {
    const all = values.filter(known);
    if (all.length === 0) return [0, 1];
    let low = Math.min(...all), high = Math.max(...all);
    if (high - low < least) { const middle = (low + high) / 2; low = middle - least / 2; high = middle + least / 2; }
    if (high === low) { low -= Math.abs(low) * 0.1 || 0.5; high += Math.abs(high) * 0.1 || 0.5; }
    return [low - share * (high - low), high + share * (high - low)];
  }

  /// The domain of an axis, ending at 0 and 1 where the values are shares.
  const withinShares = (domain, areShares) => areShares ? [Math.max(0, domain[0]), Math.min(1, domain[1])] : domain;

  // ---- Plots ---------------------------------------------------------------------------------------------------

  const shapes = {
    circle: (x, y, r) => svg('circle', {cx: x, cy: y, r}),
    square: (x, y, r) => svg('rect', {x: x - r * 0.9, y: y - r * 0.9, width: r * 1.8, height: r * 1.8}),
    diamond: (x, y, r) => svg('path', {d: `M${x} ${y - r * 1.3}L${x + r * 1.3} ${y}L${x} ${y + r * 1.3}L${x - r * 1.3} ${y}Z`}),
    triangle: (x, y, r) => svg('path', {d: `M${x} ${y - r * 1.2}L${x + r * 1.15} ${y + r * 0.9}L${x - r * 1.15} ${y + r * 0.9}Z`}),
    cross: (x, y, r) => svg('path', {d: `M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}`, 'stroke-width': 2.2}),
    plus: (x, y, r) => svg('path', {d: `M${x - r * 1.2} ${y}H${x + r * 1.2}M${x} ${y - r * 1.2}V${y + r * 1.2}`, 'stroke-width': 2.2}),
  };
  function marker(series, x, y) {
    const shape = (shapes[series.shape] || shapes.circle)(x, y, series.size || 4);
    shape.setAttribute('stroke', series.colour);
    shape.setAttribute('fill', series.hollow ? 'var(--card)' : series.colour);
    if (!shape.hasAttribute('stroke-width')) shape.setAttribute('stroke-width', series.hollow ? 2 : 1);
    return shape;
  }

  const textWidth = (text) => 7 * text.length;

  /// The first of a few places beside each point where its label meets no other label and no point.
  function placeLabels(wanted, points, area) {
    const taken = points.map(([x, y]) => [x - 6, y - 6, x + 6, y + 6]);
    const meets = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    return wanted.map(({x, y, text, colour, above}) => {
      const width = textWidth(text);
      const boxes = [[x + 9, y - 8], [x - width / 2, y - 24], [x - width / 2, y + 9], [x - width - 9, y - 8],
                     [x + 8, y - 22], [x + 8, y + 8], [x - width - 8, y - 22], [x - width - 8, y + 8],
                     [x - width / 2, y - 38], [x - width / 2, y + 24]]
        .map(([left, top]) => [left, top, left + width, top + 16]);
      const inside = (box) => box[0] >= area.left - 30 && box[2] <= area.right + 4 && box[1] >= area.top - 12 && box[3] <= area.bottom;
      if (above) boxes.unshift(...boxes.splice(1, 1));
      // Further away, with a line to the point.
      const far = [-1, 1].flatMap((side) => [48, 70, 92].map((down) => [side < 0 ? x - width - 26 : x + 26, y + down]))
        .map(([left, top]) => [left, top, left + width, top + 16]);
      const free = (candidate) => inside(candidate) && !taken.some((other) => meets(candidate, other));
      const box = boxes.find(free) || far.find(free);
      if (!box) return null;  // the values are in the table and under the pointer
      taken.push(box);
      const leader = far.includes(box) ? svg('line', {x1: x, y1: y, x2: box[0] < x ? box[2] + 2 : box[0] - 2, y2: box[1] + 8, stroke: 'var(--soft)'}) : null;
      return [leader, svg('text', {class: 'label', x: box[0], y: box[1] + 12, style: `fill:color-mix(in oklab, ${colour} 65%, var(--ink))`}, text)];
    });
  }

  /// Labels at the ends of lines, moved apart.
  function endLabels(ends, x, area) {
    ends.sort((a, b) => a.y - b.y);
    for (let i = 1; i < ends.length; ++i) ends[i].y = Math.max(ends[i].y, ends[i - 1].y + 14);
    const over = ends.length > 0 ? ends[ends.length - 1].y - area.bottom : 0;
    if (over > 0) for (const end of ends) end.y = Math.max(end.y - over, area.top);
    for (let i = ends.length - 2; i >= 0; --i) ends[i].y = Math.min(ends[i].y, ends[i + 1].y - 14);
    return ends.map(({y, text, colour}) => svg('text', {class: 'label', x: x + 8, y: y + 4, style: `fill:color-mix(in oklab, ${colour} 65%, var(--ink))`}, text));
  }

  /// Draws what was made since, once it stands in the page: a browser that shows no frames would never do it.
  const undrawn = [];
  function drawNew() {
    for (const update of undrawn.splice(0)) update();
  }

  /// Calls draw(width) at the next drawNew() and whenever the width of the element changes.
  function whenSized(element, draw) {
    let last = 0;
    const update = () => {
      const width = Math.floor(element.clientWidth);
      if (width === last || width === 0) return;
      last = width;
      draw(width);
    };
    undrawn.push(update);
    // In a frame of its own: drawing may bring a scroll bar, which changes widths again.
    new ResizeObserver(() => requestAnimationFrame(update)).observe(element);
    return element;
  }

  /// A plot of series over two axes.
  ///
  /// options: label, height, x and y: {title, domain, log, ticks, format}, series: [{name, colour, points: [{x, y, low,
  /// high, tip, label}], shape, size, hollow, line: undefined | 'solid' | 'dashed' | 'bare', dash, ends}], under(scales)
  /// returning elements to draw below the series.
  function plot(options) {
    const box = html('div', {class: 'plot'});
    return whenSized(box, (width) => {
      const ends = options.series.filter((series) => series.ends && series.points.length > 0);
      const {height, x: xAxis, y: yAxis} = options;
      const yTicks = (yAxis.ticks || (yAxis.log ? decadeTicks(...yAxis.domain) : niceTicks(...yAxis.domain, Math.max(3, height / 55))))
        .filter((tick) => tick >= yAxis.domain[0] && tick <= yAxis.domain[1]);
      const area = {
        left: 12 + Math.max(...yTicks.map((tick) => textWidth(yAxis.format(tick)))),
        right: width - (ends.length > 0 ? 14 + Math.max(...ends.map((series) => textWidth(series.ends))) : 16),
        top: 30,
        bottom: height - 44,
      };
      const px = scale(xAxis, area.left, area.right), py = scale(yAxis, area.bottom, area.top);
      const wanted = xAxis.ticks || (xAxis.log ? decadeTicks(...xAxis.domain) : niceTicks(...xAxis.domain, Math.max(2, (area.right - area.left) / 80)));
      const gap = Math.max(...wanted.map((tick) => textWidth(xAxis.format(tick)))) + 8;
      let last = -Infinity;
      const xTicks = wanted.filter((tick) => {
        if (px(tick) - last < gap) return false;
        last = px(tick);
        return true;
      });

      const points = [];  // of all series, for pointer and keys
      const shown = svg('g', {});
      const labels = [];
      for (const series of options.series) {
        const own = series.points.filter((point) => known(point.x) && known(point.y)).map((point) => ({...point, series, left: px(point.x), top: py(point.y)}));
        if (series.line && own.length > 1)
          shown.append(svg('path', {
            d: own.map((point, i) => `${i ? 'L' : 'M'}${point.left.toFixed(1)} ${point.top.toFixed(1)}`).join(''),
            fill: 'none', stroke: series.colour, 'stroke-width': series.line === 'dashed' ? 1.5 : 2, 'stroke-linejoin': 'round',
            'stroke-dasharray': series.line === 'dashed' ? '5 4' : series.dash || null,
          }));
        for (const point of own) {
          if (known(point.low) && known(point.high)) {
            const low = py(Math.max(point.low, yAxis.domain[0])), high = py(Math.min(point.high, yAxis.domain[1]));
            shown.append(svg('path', {d: `M${point.left} ${low}V${high}M${point.left - 4} ${low}h8M${point.left - 4} ${high}h8`, stroke: series.colour, fill: 'none', opacity: 0.65}));
          }
          if (series.line !== 'bare') shown.append(marker(series, point.left, point.top));
          if (point.label) labels.push({x: point.left, y: point.top, text: point.label, colour: series.colour, above: series.line === 'solid'});
        }
        points.push(...own);
      }
      const ring = svg('circle', {class: 'ring', r: 8, visibility: 'hidden'});
      const picture = svg('svg', {width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', tabindex: 0, 'aria-label': options.label + '. Arrow keys read the values.'},
        yTicks.map((tick) => [
          svg('line', {class: 'gridline', x1: area.left, x2: area.right, y1: py(tick), y2: py(tick)}),
          svg('text', {x: area.left - 8, y: py(tick) + 4, 'text-anchor': 'end'}, yAxis.format(tick)),
        ]),
        svg('line', {class: 'axisline', x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom}),
        xTicks.map((tick) => [
          svg('line', {class: 'axisline', x1: px(tick), x2: px(tick), y1: area.bottom, y2: area.bottom + 5}),
          svg('text', {x: px(tick), y: area.bottom + 18, 'text-anchor': 'middle'}, xAxis.format(tick)),
        ]),
        svg('text', {class: 'axis', x: 2, y: 14}, yAxis.title),
        svg('text', {class: 'axis', x: (area.left + area.right) / 2, y: height - 8, 'text-anchor': 'middle'}, xAxis.title),
        options.under ? options.under({px, py, area}) : null,
        shown,
        placeLabels(labels, points.map((point) => [point.left, point.top]), area),
        endLabels(ends.map((series) => {
          const end = [...series.points].reverse().find((point) => known(point.y));
          return end ? {y: py(end.y), text: series.ends, colour: series.colour} : null;
        }).filter(Boolean), area.right, area),
        ring);
      box.replaceChildren(picture);

      // The nearest point is told: to the pointer, and to the arrow keys, which go along a series and between them.
      let at = null;
      const tell = (point, aloud) => {
        at = point;
        ring.setAttribute('cx', point.left);
        ring.setAttribute('cy', point.top);
        ring.setAttribute('visibility', 'visible');
        const corner = picture.getBoundingClientRect();
        showTip(point.tip, corner.left + point.left, corner.top + point.top, aloud);
      };
      const forget = () => { ring.setAttribute('visibility', 'hidden'); hideTip(); };
      const nearest = (left, top, among) => among.reduce((best, point) => {
        const distance = Math.hypot(point.left - left, point.top - top);
        return best && best.distance <= distance ? best : {point, distance};
      }, null);
      const pointed = (event) => {
        const corner = picture.getBoundingClientRect();
        const found = nearest(event.clientX - corner.left, event.clientY - corner.top, points);
        if (found && found.distance < 60) tell(found.point, false);
        else forget();
      };
      picture.addEventListener('pointermove', pointed);
      picture.addEventListener('pointerdown', pointed);
      picture.addEventListener('pointerleave', forget);
      picture.addEventListener('blur', forget);
      picture.addEventListener('keydown', (event) => {
        const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
        if (step === undefined || points.length === 0) return;
        event.preventDefault();
        if (!at) return tell(points[0], true);
        const names = [...new Set(points.map((point) => point.series))];
        if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
          const own = points.filter((point) => point.series === at.series);
          tell(own[Math.min(Math.max(own.indexOf(at) + step, 0), own.length - 1)], true);
        } else {
          const series = names[(names.indexOf(at.series) + step + names.length) % names.length];
          tell(nearest(at.left, at.top, points.filter((point) => point.series === series)).point, true);
        }
      });
    });
  }

  /// Marks and names for what a plot's reader cannot label directly.
  function legend(entries) {
    return html('ul', {class: 'legend'}, entries.map((entry) => {
      const sample = svg('svg', {width: 30, height: 14, 'aria-hidden': 'true'});
      if (entry.line) sample.append(svg('line', {x1: 1, x2: 29, y1: 7, y2: 7, stroke: entry.colour, 'stroke-width': 2, 'stroke-dasharray': entry.line === 'dashed' ? '5 4' : entry.dash || null}));
      if (entry.line !== 'bare') sample.append(marker(entry, 15, 7));
      return html('li', {}, sample, entry.name);
    }));
  }

  function table(head, rows, attributes = {}) {
    return html('div', {class: 'scroll'}, html('table', attributes,
      attributes.caption ? html('caption', {}, attributes.caption) : null,
      html('thead', {}, html('tr', {}, head.map((cell) => html('th', {scope: 'col'}, cell)))),
      html('tbody', {}, rows.map((row) => html('tr', {}, row.map((cell, i) => (i === 0 ? html('th', {scope: 'row'}, cell) : html('td', {}, cell))))))));
  }
  const numbers = (head, rows, name = 'Numbers') => html('details', {}, html('summary', {}, name), table(head, rows));
  const figure = (caption, ...children) => html('figure', {}, caption ? html('figcaption', {}, caption) : null, children);

  const contents = html('ul', {});
  function section(id, title, how, ...children) {
    const element = html('section', {id, 'aria-labelledby': id + '-title'}, html('h2', {id: id + '-title'}, title),
      how ? html('p', {class: 'how'}, how) : null, children);
    contents.append(html('li', {}, html('a', {href: '#' + id}, title)));
    main.append(element);
    return element;
  }

  // ---- Summary -------------------------------------------------------------------------------------------------

  const headlines = runs.map((run) => run.headline);
  const firstHeadline = headlines.find(Boolean);
  const sameScore = headlines.filter(Boolean).every((headline) => headline.score === firstHeadline.score);
  const isShare = Boolean(firstHeadline && sameScore && firstHeadline.is_share);
  const scoreName = firstHeadline && sameScore ? capital(firstHeadline.score) : 'Score';
  const scoreAxis = (domain) => ({title: scoreName + (isShare ? ', %' : ''), domain, format: (value) => (isShare ? short3(100 * value) : short3(value))});
  const speedup = (headline) => headline.seconds_full / headline.seconds_routed;

  function summary() {
    const own = document.getElementById('summary');
    contents.append(html('li', {}, html('a', {href: '#summary'}, 'Summary')));
    if (several) {
      own.append(table(['Run', 'Routed', '95 % interval', 'Full width', 'Difference', 'Cost', 'Times as fast'],
        runs.map((run, i) => {
          const headline = run.headline;
          const name = html('span', {}, swatch(runColour(i)), run.name);
          if (!headline) return [name, '–', '–', '–', '–', '–', '–'];
          const text = (value) => scoreText(value, headline.is_share);
          const {value, low, high} = headline.routed;
          return [name, text(value), between(low, high, text), text(headline.full.value),
            differenceText(value - headline.full.value, headline.is_share), percent(headline.cost), fixed(speedup(headline), 2)];
        }), {class: 'wide', caption: sameScore ? `Score: ${firstHeadline ? firstHeadline.score : '–'}. Cost: multiply-adds as a share of full width.` : 'The runs have different scores; compare them with care.'}));
      return;
    }
    const headline = runs[0].headline;
    if (!headline) return;
    const text = (value) => scoreText(value, headline.is_share);
    const interval = ({low, high}) => (known(low) ? `95 % interval ${between(low, high, text)}` : 'no interval');
    const tile = (value, name, more) => html('div', {class: 'tile'}, html('span', {}, name), html('b', {}, value), html('span', {}, more));
    own.append(html('div', {class: 'tiles'},
      tile(text(headline.routed.value), capital(headline.score) + ', routed', interval(headline.routed)),
      tile(text(headline.full.value), capital(headline.score) + ', full width', interval(headline.full)),
      tile(percent(headline.cost), 'Cost', 'of full width’s multiply-adds'),
      known(speedup(headline)) ? tile(fixed(speedup(headline), 2) + ' ×', 'Speed, measured', `${milliseconds(headline.seconds_routed)} instead of ${milliseconds(headline.seconds_full)}`) : null));
  }

  // ---- Accuracy against cost -----------------------------------------------------------------------------------

  const looks = {
    routed: {name: 'Routed, as evaluated', shape: 'circle', size: 6},
    calibrated: {name: 'Calibrated to a budget', shape: 'circle', size: 3.5, line: 'solid'},
    'calibrated router': {name: 'The router alone', shape: 'triangle', size: 3.5, line: 'dashed'},
    'calibrated cascade': {name: 'Cascade', shape: 'square', size: 3.5, line: 'solid'},
    'calibrated exits': {name: 'Exits', shape: 'diamond', size: 3.5, line: 'solid'},
    'calibrated combined': {name: 'Exits and narrow widths', shape: 'circle', size: 3.5, line: 'solid'},
    fixed: {name: 'Everything at one width', shape: 'square', size: 4.5, hollow: true, line: 'dashed'},
    random: {name: 'Widths drawn at random, same shares', shape: 'cross', size: 4.5},
    'by length': {name: 'Short sentences narrow, same shares', shape: 'triangle', size: 4.5, hollow: true},
    'mix of fixed': {name: 'Best mix of two fixed widths, same cost', shape: 'plus', size: 4.5},
    oracle: {name: 'Oracle: the narrowest width that is right', shape: 'diamond', size: 4.5, hollow: true},
  };
  const lookOf = (series) => looks[series] || {name: capital(series.replace('calibrated ', '')), shape: 'cross', size: 3.5, line: 'dashed'};
  const isBaseline = (series) => !['routed', 'fixed'].includes(series) && !series.startsWith('calibrated');

  function pointTip(run, point) {
    const text = (value) => scoreText(value, run.headline.is_share);
    const {value, low, high} = point.score;
    return [(several ? run.name + ': ' : '') + (point.series.startsWith('calibrated ') ? point.series.replace('calibrated ', '') + ', ' : '') + point.name,
      `${capital(run.headline.score)} ${text(value)}` + (known(low) ? ` (${between(low, high, text)})` : ''),
      `Cost ${percent(point.cost)} of full width` + (known(point.time) ? `, time ${percent(point.time)}` : ''),
      ...(point.shares.length ? ['Answers ' + point.shares.map((share, i) => `${run.answers[i]}: ${percent(share, 0)}`).join(', ')] : []),
      ...(point.lead ? [`The router’s lead: ${differenceText(point.lead.value, run.headline.is_share)} (${between(point.lead.low, point.lead.high, (lead) => differenceText(lead, run.headline.is_share))})`] : [])];
  }

  function costSection() {
    const withPoints = runs.map((run, i) => ({run, i})).filter(({run}) => run.points.length > 0);
    if (withPoints.length === 0) return;
    const series = [], entries = [];
    const seen = new Set();
    const all = [];
    for (const {run, i} of withPoints) {
      for (const name of new Set(run.points.map((point) => point.series))) {
        if (several && isBaseline(name)) continue;
        const look = lookOf(name);
        const colour = isBaseline(name) ? 'var(--soft)' : runColour(i);
        const points = run.points.filter((point) => point.series === name);
        all.push(...points);
        series.push({...look, colour, dash: runDash(i), points: points.map((point) => ({
          x: point.cost, y: point.score.value, low: point.score.low, high: point.score.high, tip: pointTip(run, point),
          label: several ? (name === 'routed' ? run.name : null) : name.startsWith('calibrated') ? null : point.name,
        }))});
        if (!seen.has(name)) {
          seen.add(name);
          entries.push({...look, colour: isBaseline(name) ? 'var(--soft)' : several ? 'var(--ink)' : colour});
        }
      }
    }
    const intervals = all.flatMap(({score}) => [score.value, score.low, score.high]);
    const costs = all.map((point) => point.cost);
    const fronts = withPoints.map(({run, i}) => ({i, front: run.points.filter((point) => point.on_front).sort((a, b) => a.cost - b.cost)}));
    const element = section('cost', capital(several ? 'score' : withPoints[0].run.headline.score) + ' against cost',
      'Up and to the left is better. The bars are 95 % bootstrap intervals. The dashed line joins the fixed widths. Drawing lots between two widths gives a point on this line, so a router is worth having where its point lies above it.' + (several ? '' : ' The shaded steps are the best that can be had at each cost.'),
      figure(null,
        plot({
          label: 'Score against cost, a point for each way of choosing widths',
          height: 430,
          x: {title: 'Cost: multiply-adds, % of full width', domain: [Math.max(0, Math.min(...costs) - 0.06), Math.max(...costs)], format: (value) => short3(100 * value)},
          y: scoreAxis(withinShares(padded(intervals, 0.06), withPoints[0].run.headline.is_share)),
          series,
          under: ({px, py, area}) => fronts.filter(({front}) => !several && front.length > 1).map(({i, front}) => svg('path', {
            d: `M${px(front[0].cost)} ${area.bottom}` + front.map((point, k) => `L${px(point.cost)} ${k ? py(front[k - 1].score.value) : area.bottom}L${px(point.cost)} ${py(point.score.value)}`).join('') + `H${area.right}V${area.bottom}Z`,
            fill: runColour(i), opacity: 0.08, stroke: 'none',
          })),
        }),
        several ? legend(withPoints.map(({run, i}) => ({name: run.name, colour: runColour(i), line: 'solid', dash: runDash(i), shape: 'circle'}))) : null,
        legend(entries),
        numbers([...(several ? ['Run'] : []), 'Widths chosen', 'Score', '95 % interval', 'Cost', 'Time, measured', 'Shares of the answers', 'Router’s lead', 'its 95 % interval', 'On the front'],
          withPoints.flatMap(({run, i}) => run.points.map((point) => {
            const text = (value) => scoreText(value, run.headline.is_share);
            const difference = (value) => differenceText(value, run.headline.is_share);
            return [...(several ? [run.name] : []), point.name, text(point.score.value), between(point.score.low, point.score.high, text), percent(point.cost), known(point.time) ? percent(point.time) : '–',
              point.shares.map((share, k) => `${run.answers[k]}: ${percent(share, 0)}`).join(', ') || '–',
              point.lead ? difference(point.lead.value) : '–', point.lead ? between(point.lead.low, point.lead.high, difference) : '–',
              point.on_front ? 'yes' : 'no'];
          })))));
    if (several && withPoints.some(({run}) => run.points.some((point) => isBaseline(point.series))))
      element.append(html('p', {class: 'note'}, 'Baselines such as random routing stand in the table; they are drawn in the report of a single run.'));
  }

  // ---- Training ------------------------------------------------------------------------------------------------

  const best = (run) => run.epochs.filter((epoch) => epoch.best).pop();

  /// One line a run, or two (a solid and a dashed one).
  function curves(title, yTitle, format, parts, extra = {}) {
    const trained = runs.map((run, i) => ({run, i})).filter(({run}) => run.epochs.length > 0);
    const series = trained.flatMap(({run, i}) => parts.map((part) => ({
      name: part.name,
      colour: runColour(i),
      dash: runDash(i),
      line: part.dashed ? 'dashed' : 'solid',
      shape: 'circle',
      size: part.dashed ? 2 : 2.5,
      ends: !several && parts.length > 1 ? part.name : null,
      points: run.epochs.map((epoch) => ({
        x: epoch.epoch, y: part.value(epoch), label: part.best && epoch === best(run) ? 'best' : null,
        tip: [(several ? run.name + ', ' : '') + `epoch ${epoch.epoch}` + (epoch.best ? ', best so far' : ''), `${capital(part.name)}: ${format(part.value(epoch))}`],
      })),
    })));
    const values = series.flatMap((line) => line.points.map((point) => point.y)).filter(known);
    if (values.length === 0) return null;
    const epochs = trained.flatMap(({run}) => run.epochs.map((epoch) => epoch.epoch));
    const first = Math.min(...epochs), last = Math.max(...epochs);
    const warm = Math.max(0, ...trained.map(({run}) => sum(run.epochs.map((epoch) => (epoch.full_width_only ? 1 : 0)))));
    const sameWarm = trained.every(({run}) => sum(run.epochs.map((epoch) => (epoch.full_width_only ? 1 : 0))) === warm);
    return figure(title,
      plot({
        label: `${title} over epochs`,
        height: extra.height || 230,
        x: {title: 'Epoch', domain: [first - 0.3, last + 0.3], ticks: Array.from({length: last - first + 1}, (_, k) => first + k), format: String},
        y: {title: yTitle, domain: extra.domain || (extra.fromZero ? [0, Math.max(...values) * 1.08 || 1] : padded(values)), format: extra.tick || format},
        series,
        under: ({px, area}) => (warm > 0 && sameWarm ? [
          svg('rect', {class: 'phase', x: area.left, width: Math.max(0, px(first + warm - 0.5) - area.left), y: area.top, height: area.bottom - area.top}),
          extra.phase ? svg('text', {x: area.left + 6, y: area.top + 16}, 'full width only') : null,
        ] : null),
      }),
      parts.length > 1 && several ? legend(parts.map((part) => ({name: part.name, colour: 'var(--ink)', line: part.dashed ? 'dashed' : 'solid', shape: 'circle', size: 2}))) : null,
      numbers(['Epoch', ...trained.flatMap(({run}) => parts.map((part) => (several ? run.name + ': ' : '') + part.name))],
        Array.from({length: last - first + 1}, (_, k) => first + k).map((number) => [String(number),
          ...trained.flatMap(({run}) => parts.map((part) => {
            const epoch = run.epochs.find((candidate) => candidate.epoch === number);
            return epoch ? format(part.value(epoch)) : '–';
          }))])));
  }

  /// The task's loss at each width of one run.
  function widthLosses(run) {
    const format = (value) => fixed(value, 3);
    const epochs = run.epochs.filter((epoch) => epoch.width_loss_task.length === run.widths.length);
    const values = epochs.flatMap((epoch) => epoch.width_loss_task).filter(known);
    if (values.length === 0) return null;
    return figure('Loss of the task by width',
      plot({
        label: 'Loss of the task at each width over epochs',
        height: 230,
        x: {title: 'Epoch', domain: [epochs[0].epoch - 0.3, epochs[epochs.length - 1].epoch + 0.3], ticks: epochs.map((epoch) => epoch.epoch), format: String},
        y: {title: 'Loss per sample trained there', domain: [0, Math.max(...values) * 1.08 || 1], format},
        series: run.widths.map((width, w) => ({name: `width ${width}`, colour: widthColour(w, run.widths.length), line: 'solid', shape: 'circle', size: 2.5, ends: widthName(width),
          points: epochs.map((epoch) => ({x: epoch.epoch, y: epoch.width_loss_task[w], tip: [`Epoch ${epoch.epoch}, width ${width}`, `Loss ${format(epoch.width_loss_task[w])}`]}))})),
      }),
      numbers(['Epoch', ...run.widths.map((width) => `Width ${width}`)], epochs.map((epoch) => [String(epoch.epoch), ...epoch.width_loss_task.map(format)])));
  }

  function trainingSection() {
    if (runs.every((run) => run.epochs.length === 0)) return;
    const evaluated = (key) => (epoch) => (epoch.evaluations.length ? epoch.evaluations[0][key] : null);
    const name = runs.flatMap((run) => run.epochs.flatMap((epoch) => epoch.evaluations.map((evaluation) => evaluation.name)))[0] || 'dev';
    const score = (value) => scoreText(value, isShare);
    section('training', 'Training', `After every epoch the model is tried on ${name}, with its router and at full width. In the shaded first epochs nothing is known about the samples yet, and only full width is trained.`,
      several ? legend(runs.map((run, i) => ({name: run.name, colour: runColour(i), line: 'solid', dash: runDash(i), shape: 'circle'}))) : null,
      curves(`${scoreName} on ${name}`, scoreName + (isShare ? ', %' : ''), score,
        [{name: 'routed', value: evaluated('routed'), best: true}, {name: 'full width', value: evaluated('full'), dashed: true}], {height: 290, phase: true, tick: scoreAxis().format}),
      html('div', {class: 'grid'},
        curves('Loss of the task', 'Loss per sample', (value) => fixed(value, 3), [{name: 'loss', value: (epoch) => epoch.loss_task}], {fromZero: true}),
        curves('Loss of the router', 'Loss per sample', (value) => fixed(value, 3), [{name: 'loss', value: (epoch) => epoch.loss_router}], {fromZero: true}),
        curves(`Cost on ${name}`, 'Multiply-adds, % of full width', (value) => percent(value), [{name: 'cost', value: evaluated('cost')}], {fromZero: true, tick: (value) => short3(100 * value)}),
        curves('Learning rate', 'At the epoch’s last step', scientific, [{name: 'learning rate', value: (epoch) => epoch.learning_rate}], {fromZero: true}),
        several ? null : widthLosses(runs[0]),
        curves('Speed of training', 'Samples per second', (value) => (known(value) ? count(Number(value.toPrecision(3))) : '–'), [{name: 'samples per second', value: (epoch) => epoch.samples_per_second}], {fromZero: true})));
  }

  // ---- Details of one run --------------------------------------------------------------------------------------

  const nameLegend = (names) => html('ul', {class: 'legend'}, names.map((name, i) => html('li', {}, swatch(widthColour(i, names.length)), name)));
  const widthLegend = (run) => nameLegend(run.widths.map((width) => `width ${width}`));
  const answerName = (name) => (name.startsWith('exit') ? name : `width ${name}`);

  /// Samples by width or answer, a column an epoch; with ribbons between columns where it is known who moved.
  function flow(run, epochs, valuesOf, {what = 'Share of samples', column: axis = 'Epoch', names = run.widths.map((width) => `width ${width}`), transitionsOf = null, samplesOf = (epoch) => sum(valuesOf(epoch))} = {}) {
    const box = html('div', {class: 'plot'});
    return whenSized(box, (room) => {
      const height = 270, left = 46, top = 30, bottom = height - 44;
      const widths = names.length;
      const step = Math.max(transitionsOf ? 38 : 22, (room - left - 14) / epochs.length);
      const width = Math.max(room, left + 14 + step * epochs.length);
      const bar = transitionsOf ? Math.min(22, step * 0.4) : step * 0.72;
      const place = (k) => left + step * (k + 0.5) - bar / 2;
      const totals = epochs.map((epoch) => sum(valuesOf(epoch)));
      const py = (share) => bottom - share * (bottom - top);
      // Narrow stands at the bottom. starts[k][w]: share below width w in column k.
      const starts = epochs.map((epoch, k) => valuesOf(epoch).map((_, w) => sum(valuesOf(epoch).slice(0, w)) / (totals[k] || 1)));
      const ribbons = svg('g', {}), bars = svg('g', {});
      epochs.forEach((epoch, k) => {
        const moved = transitionsOf ? transitionsOf(epoch) : [];
        if (k > 0 && moved.length === widths) {
          const out = starts[k - 1].slice(), into = starts[k].slice();
          for (let from = 0; from < widths; ++from)
            for (let to = 0; to < widths; ++to) {
              if (moved[from][to] === 0) continue;
              const sent = moved[from][to] / (totals[k - 1] || 1), taken = moved[from][to] / (totals[k] || 1);
              const x0 = place(k - 1) + bar, x1 = place(k), middle = (x0 + x1) / 2;
              const path = svg('path', {class: 'ribbon', fill: widthColour(from, widths),
                d: `M${x0} ${py(out[from])}C${middle} ${py(out[from])} ${middle} ${py(into[to])} ${x1} ${py(into[to])}V${py(into[to] + taken)}C${middle} ${py(into[to] + taken)} ${middle} ${py(out[from] + sent)} ${x0} ${py(out[from] + sent)}Z`});
              ribbons.append(explain(path, [`Into epoch ${epoch.epoch}`, from === to ? `${counted(moved[from][to], 'sample')} stay at ${names[from]}` : `${counted(moved[from][to], 'sample')} go from ${names[from]} to ${names[to]}`]));
              out[from] += sent;
              into[to] += taken;
            }
        }
        valuesOf(epoch).forEach((value, w) => {
          const share = value / (totals[k] || 1);
          if (share <= 0) return;
          bars.append(explain(svg('rect', {x: place(k), width: bar, y: py(starts[k][w] + share), height: Math.max(0.5, share * (bottom - top) - 0.75), fill: widthColour(w, widths)}),
            [`${axis} ${epoch.epoch}, ${names[w]}`, `${counted(Math.round(share * samplesOf(epoch)), 'sample')}, ${percent(share)}`]));
        });
      });
      const every = Math.ceil(24 / step);
      box.replaceChildren(svg('svg', {width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${what} by width and ${axis.toLowerCase()}; the numbers are in the table below`},
        [0, 0.25, 0.5, 0.75, 1].map((share) => [
          svg('line', {class: 'gridline', x1: left, x2: width - 14, y1: py(share), y2: py(share)}),
          svg('text', {x: left - 8, y: py(share) + 4, 'text-anchor': 'end'}, String(100 * share)),
        ]),
        svg('text', {class: 'axis', x: 2, y: 14}, `${what}, %`),
        svg('text', {class: 'axis', x: (left + Math.min(width, room)) / 2, y: height - 8, 'text-anchor': 'middle'}, axis),
        ribbons, bars,
        epochs.map((epoch, k) => (k % every === 0 ? svg('text', {x: place(k) + bar / 2, y: bottom + 18, 'text-anchor': 'middle'}, String(epoch.epoch)) : null))));
    });
  }

  function widthsSection(run) {
    const trained = run.epochs.filter((epoch) => epoch.samples.length === run.widths.length);
    const tried = run.epochs.filter((epoch) => epoch.evaluations.length && epoch.evaluations[0].sent.length === run.answers.length);
    if (trained.length === 0) return;
    const moves = trained.filter((epoch) => epoch.transitions.length === run.widths.length);
    section('widths', 'How samples move between widths', 'Each training sample is at the width of its hardness label. The ribbons are samples that stayed or moved from one epoch to the next, in the colour of the width that they left. The other plot shows where the router sends the samples that the model is tried on.',
      widthLegend(run),
      html('div', {class: 'grid'},
        figure('Training samples', flow(run, trained, (epoch) => epoch.samples, {transitionsOf: (epoch) => epoch.transitions}),
          numbers(['Epoch', ...run.widths.map((width) => `Width ${width}`), ...run.widths.map((width) => `Share at ${width}`)],
            trained.map((epoch) => [String(epoch.epoch), ...epoch.samples.map(count), ...epoch.samples.map((value) => percent(value / sum(epoch.samples)))])),
          moves.length ? numbers(['Epoch', ...run.widths.flatMap((from) => run.widths.map((to) => `${from} → ${to}`))],
            moves.map((epoch) => [String(epoch.epoch), ...epoch.transitions.flat().map(count)]), 'Moves') : null),
        tried.length ? figure(`Samples of ${tried[0].evaluations[0].name}, routed`, flow(run, tried, (epoch) => epoch.evaluations[0].sent, {names: run.answers.map(answerName)}),
          numbers(['Epoch', ...run.answers.map((name) => capital(answerName(name))), ...run.answers.map((name) => `Share of ${name}`)],
            tried.map((epoch) => [String(epoch.epoch), ...epoch.evaluations[0].sent.map(count), ...epoch.evaluations[0].sent.map((value) => percent(value / sum(epoch.evaluations[0].sent)))]))) : null));
  }

  /// A table whose cells are shaded by their number.
  function heat(corner, columns, rows, cells, note) {
    const most = Math.max(1, ...cells.flat());
    return html('div', {class: 'scroll'}, html('table', {class: 'heat'},
      html('thead', {}, html('tr', {}, html('th', {scope: 'col'}, corner), columns.map((column) => html('th', {scope: 'col'}, column)))),
      html('tbody', {}, rows.map((row, i) => html('tr', {}, html('th', {scope: 'row'}, row), cells[i].map((cell, j) => {
        const strength = Math.round((100 * cell) / most);
        return html('td', {style: `background:color-mix(in oklab, var(--mark) ${Math.round(strength * 0.6)}%, var(--card))`}, count(cell), note(i, j) ? html('div', {}, note(i, j)) : null);
      }))))));
  }

  /// How well the router tells which samples a narrow width answers right, beside chance, length and the width's own confidence.
  function knowledge(widths) {
    const share = (value) => percent(value);
    const range = ({low, high}) => `95 % interval ${between(low, high, share)}`;
    const tile = (value, name, more) => html('div', {class: 'tile'}, html('span', {}, name), html('b', {}, value), html('span', {}, more));
    const verdict = ({router, confidence}) => {
      if (router.low <= 0.5) return 'Chance would do as well as the router.';
      if (confidence.low > router.high) return 'The router knows something. The width’s own confidence knows more: a cascade, which asks it, is the better policy.';
      if (router.low > confidence.high) return 'The router knows more than the width’s own confidence, and costs less to ask.';
      return 'The router knows about as much as the width’s own confidence, and costs less to ask.';
    };
    return html('div', {}, widths.map((known) => html('div', {class: 'known'},
      html('h3', {}, `Who knows when width ${known.width} is enough?`),
      html('p', {class: 'how'}, `Width ${known.width} answers ${percent(known.right)} of the samples right. Take one of these, and one that it answers wrong: how often is the first preferred? ${verdict(known)}`),
      html('div', {class: 'tiles'},
        tile(percent(0.5), 'By chance', 'as often as not'),
        tile(share(known.length), 'By length', 'the shorter one'),
        tile(share(known.router.value), 'By the router', range(known.router)),
        tile(share(known.confidence.value), 'By its own confidence', range(known.confidence))))));
  }

  function routerSection(run) {
    const recorded = run.recorded;
    const reliable = run.reliability.filter((width) => width.bins.length > 0);
    const known = recorded ? recorded.knowledge : [];
    if (reliable.length === 0 && known.length === 0 && !(recorded && recorded.need.length && recorded.has_router)) return;
    const element = section('router', 'What the router knows', null);
    if (known.length > 0) element.append(knowledge(known));
    if (reliable.length > 0) {
      element.append(html('p', {class: 'how'}, 'For each width the router gives a probability that it fits a sample. The plots show how reliable these probabilities are. A point on the diagonal is reliable: of the samples to which the router gives 70 %, the width answers 70 % right. Above the diagonal the probabilities are too low, below it too high. For all but the narrowest width expect points above it: the router learns to send easy samples to a narrower width, although this width would answer them right, too. Larger marks stand for more samples; the grey columns are their numbers.'),
        html('div', {class: 'small-grid'}, run.reliability.map((width, w) => {
          if (width.bins.length === 0) return null;
          const bins = width.bins.filter((bin) => bin[2] > 0);
          const most = Math.max(...bins.map((bin) => bin[2]));
          const percents = (value) => String(Math.round(100 * value));
          return figure(capital(answerName(run.answers[w])),
            plot({
              label: `Reliability of the router’s probability for ${answerName(run.answers[w])}`,
              height: 270,
              x: {title: 'Router’s probability, %', domain: [0, 1], ticks: [0, 0.25, 0.5, 0.75, 1], format: percents},
              y: {title: 'Right at this width, %', domain: [0, 1], ticks: [0, 0.25, 0.5, 0.75, 1], format: percents},
              series: bins.map((bin) => ({name: 'bins', colour: widthColour(w, run.answers.length), shape: 'circle', size: 3 + 5 * Math.sqrt(bin[2] / most),
                points: [{x: bin[3], y: bin[4], tip: [`Probability ${percents(bin[0])} to ${percents(bin[1])} %`, counted(bin[2], 'sample'), `on average ${percent(bin[3])}`, `right: ${percent(bin[4])}`]}]})),
              under: ({px, py, area}) => [
                ...bins.map((bin) => svg('rect', {class: 'phase', x: px(bin[0]) + 1, width: Math.max(0, px(bin[1]) - px(bin[0]) - 2), y: area.bottom - (0.35 * (area.bottom - area.top) * bin[2]) / most, height: (0.35 * (area.bottom - area.top) * bin[2]) / most})),
                svg('line', {class: 'aid', x1: px(0), y1: py(0), x2: px(1), y2: py(1)}),
              ],
            }),
            html('div', {class: 'note'}, `Mean distance from the diagonal: ${percent(width.error)}`),
            numbers(['Probability', 'Samples', 'Mean', 'Right'], bins.map((bin) => [`${percents(bin[0])} to ${percents(bin[1])} %`, count(bin[2]), percent(bin[3]), percent(bin[4])])));
        })));
    }
    if (recorded && recorded.need.length && recorded.has_router) {
      const total = recorded.all_samples;
      element.append(html('h3', {style: 'margin-top:1.25rem'}, 'What was needed, and what was chosen'),
        html('p', {class: 'how'}, 'Each sample once: the row is the first answer that is right, the column the answer that was kept. Right of the diagonal work was wasted, left of it a later answer could have helped.'),
        heat('First right', run.answers.map((name) => `Kept ${name}`), [...run.answers.map((name) => capital(answerName(name))), 'None is right'], recorded.need,
          (i, j) => percent(recorded.need[i][j] / total)));
    }
  }

  function callsSection(run) {
    const recorded = run.recorded;
    if (!recorded || recorded.calls.length === 0) return;
    const of = (seconds) => [seconds.p50, seconds.p95, seconds.p99].map(milliseconds);
    section('calls', 'Time of calls', `Measured with the data’s own samples: the same calls by the policy and at full width, in turn. Of a hundred calls 95 are no slower than p95. ${recorded.threads > 0 ? counted(recorded.threads, 'thread') + '.' : 'All threads of the machine.'}`,
      table(['Samples in a call', 'Calls', 'Policy: p50', 'p95', 'p99', 'Full width: p50', 'p95', 'p99', 'Share of the time'],
        recorded.calls.map((times) => [String(times.batch), String(times.calls), ...of(times.policy), ...of(times.full), percent(times.time_fraction)])));
  }

  function classesSection(run) {
    const recorded = run.recorded;
    if (!recorded || recorded.classes.length === 0) return;
    const labels = recorded.is_multi_label, share = (value) => (known(value) ? percent(value) : '–');
    const element = section('classes', labels ? 'What is known of each label' : 'What is known of each class',
      `By the answers that were kept, on ${recorded.data}. Precision: of the samples that are said to ${labels ? 'have the label' : 'be of the class'}, the share that ${labels ? 'has it' : 'is'}. Recall: the share that is found of those that ${labels ? 'have it' : 'are'}.`,
      table([labels ? 'Label' : 'Class', 'Samples', 'Predicted', 'Precision', 'Recall', 'F1'],
        recorded.classes.map((each) => [each.name, count(each.samples), count(each.predicted), share(each.precision), share(each.recall), share(each.f1)])));
    if (recorded.confusion.length === 0) return;
    const totals = recorded.confusion.map((row) => row.reduce((sum, cell) => sum + cell, 0));
    element.append(html('h3', {style: 'margin-top:1.25rem'}, 'True and predicted class'),
      html('p', {class: 'how'}, 'Each sample once: the row is its true class, the column the predicted one. What is right stands on the diagonal.'),
      heat('True', recorded.labels.map((name) => `Said ${name}`), recorded.labels, recorded.confusion,
        (i, j) => totals[i] > 0 ? percent(recorded.confusion[i][j] / totals[i]) : null));
  }

  function latencySection(run) {
    const recorded = run.recorded;
    if (!recorded || recorded.latency.length === 0) return;
    const batches = [...new Set(recorded.latency.map((record) => record.batch))];
    const widest = run.widths[run.widths.length - 1];
    section('latency', 'Time by width and length', `Measured, everything forced to one width: the median of many calls, with quartiles. ${recorded.threads > 0 ? counted(recorded.threads, 'thread') + '.' : 'All threads of the machine.'} The table compares what a width saves in time with what it saves in multiply-adds.`,
      html('div', {class: 'grid'}, batches.map((batch) => {
        const records = recorded.latency.filter((record) => record.batch === batch);
        const times = records.flatMap((record) => [1000 * record.low, 1000 * record.high]).filter((time) => time > 0);
        const lengths = [...new Set(records.map((record) => record.tokens))];
        const of = (width, tokens) => records.find((record) => record.width === width && record.tokens === tokens);
        return figure(batch === 1 ? 'One input at a time' : `${batch} inputs in a call`,
          plot({
            label: `Time of a call of ${counted(batch, 'input')} by length, a line for each width`,
            height: 290,
            x: {title: 'Tokens of an input', log: true, domain: [Math.min(...lengths) * 0.9, Math.max(...lengths) * 1.1], ticks: lengths, format: String},
            y: {title: 'Milliseconds', log: true, domain: [Math.min(...times) * 0.85, Math.max(...times) * 1.15], format: short3},
            series: run.widths.map((width, w) => ({
              name: `width ${width}`, colour: widthColour(w, run.widths.length), line: 'solid', shape: 'circle', size: 3.5, ends: widthName(width),
              points: records.filter((record) => record.width === width).map((record) => ({
                x: record.tokens, y: 1000 * record.seconds, low: 1000 * record.low, high: 1000 * record.high,
                tip: [`Width ${width}, ${counted(record.tokens, 'token')}`, `${milliseconds(record.seconds)} (${milliseconds(record.low)} to ${milliseconds(record.high)})`, `${percent(record.seconds / of(widest, record.tokens).seconds, 0)} of width ${widest}’s time, ${percent(record.cost, 0)} of its multiply-adds`],
              })),
            })),
          }),
          numbers(['Tokens', ...run.widths.map((width) => `Width ${width}`), ...run.widths.slice(0, -1).flatMap((width) => [`${width}: time`, `${width}: multiply-adds`])],
            lengths.map((tokens) => [String(tokens), ...run.widths.map((width) => (of(width, tokens) ? milliseconds(of(width, tokens).seconds) : '–')),
              ...run.widths.slice(0, -1).flatMap((width) => (of(width, tokens) && of(widest, tokens) ? [percent(of(width, tokens).seconds / of(widest, tokens).seconds), percent(of(width, tokens).cost)] : ['–', '–']))])));
      })));
  }

  function difficultySection(run) {
    const recorded = run.recorded;
    if (!recorded || recorded.difficulty.length === 0) return;
    const levels = recorded.difficulty;
    const text = (value) => (recorded.is_regression ? fixed(value, 3) : percent(value));
    const what = recorded.is_regression ? 'Mean error' : 'Accuracy';
    const lines = [{name: 'routed', value: (level) => level.routed, colour: runColour(runs.indexOf(run)), size: 5},
      ...run.answers.map((name, w) => ({name, value: (level) => level.at_width[w], colour: widthColour(w, run.answers.length), dashed: true, size: 3}))];
    const values = levels.flatMap((level) => lines.map((line) => line.value(level)));
    const xAxis = {title: 'Level of difficulty, as the data tell it', domain: [levels[0].level - 0.4, levels[levels.length - 1].level + 0.4], ticks: levels.map((level) => level.level), format: String};
    section('difficulty', 'Where the difficulty is known', 'The data say how hard each sample is. A good router sends the hard levels wide, and keeps the accuracy of the full width on each.',
      html('div', {class: 'grid'},
        figure('Answers kept', nameLegend(run.answers.map(answerName)), flow(run, levels.map((level) => ({epoch: level.level, ...level})), (level) => level.shares, {column: 'Level', names: run.answers.map(answerName), samplesOf: (level) => level.samples})),
        figure(what, plot({
          label: `${what} by level of difficulty`,
          height: 290,
          x: xAxis,
          y: {title: what + (recorded.is_regression ? '' : ', %'), domain: withinShares(padded(values), !recorded.is_regression), format: (value) => (recorded.is_regression ? short3(value) : short3(100 * value))},
          series: lines.map((line) => ({name: line.name, colour: line.colour, line: line.dashed ? 'dashed' : 'solid', shape: 'circle', size: line.size, ends: line.name,
            points: levels.map((level) => ({x: level.level, y: line.value(level), tip: [`Level ${level.level}, ${line.name === 'routed' ? 'routed' : answerName(line.name)}`, `${what} ${text(line.value(level))}`, counted(level.samples, 'sample')]}))})),
        }))),
      numbers(['Level', 'Samples', ...run.answers.map((name) => `Kept ${name}`), `${what}, routed`, ...run.answers.map((name) => `${capital(answerName(name))} alone`)],
        levels.map((level) => [String(level.level), count(level.samples), ...level.shares.map((share) => percent(share)), text(level.routed), ...level.at_width.map(text)])));
  }

  function sentencesSection(run) {
    const recorded = run.recorded;
    if (!recorded || recorded.samples.length === 0) return;
    const regression = recorded.is_regression;
    const samples = recorded.samples;
    const marginName = recorded.has_router ? 'Router’s margin' : regression ? 'Narrowest’s error' : 'Narrowest’s doubt';
    // Of several labels the number is a set: bit i is label i.
    const label = (index) => recorded.is_multi_label ? recorded.labels.filter((_, i) => index >> i & 1).join(', ') || 'none'
      : recorded.labels[index] || String(index);
    // A question may have several right answers: the data say which are.
    const right = (sample, w) => sample.right ? sample.right[w] : sample.predicted[w] === sample.truth;
    // A regression has one number for a text, or a list of them.
    const list = (value) => Array.isArray(value) ? value : [value];
    const values = (value) => list(value).map((each) => fixed(each, 2)).join(', ');
    const error = (sample, w) => Math.hypot(...list(sample.predicted[w]).map((each, i) => each - list(sample.truth)[i]));
    const leveled = samples.some((sample) => known(sample.difficulty));
    const filters = [['all', 'All', () => true]];
    if (!regression) filters.push(
      ['wrong', 'Answered wrong', (sample) => !right(sample, sample.width_index)],
      ['missed', 'Wrong, but a later answer is right', (sample) => !right(sample, sample.width_index) && sample.predicted.some((_, w) => w > sample.width_index && right(sample, w))],
      ['wasted', 'An earlier answer would have done', (sample) => right(sample, sample.width_index) && sample.predicted.some((_, w) => w < sample.width_index && right(sample, w))]);
    run.answers.forEach((name, w) => filters.push([`answer-${w}`, `Answered by ${answerName(name)}`, (sample) => sample.width_index === w]));

    const cell = (className, name, ...children) => html('td', {class: className, 'data-label': name}, children);
    const columns = [
      {name: regression || !recorded.samples[0].pair ? 'Sentence' : 'Sentences', key: (sample) => sample.text, cell: (sample) => cell('text', '', html('span', {title: sample.line ? `line ${sample.line}` : null}, sample.text), sample.pair !== undefined ? html('div', {class: 'soft'}, sample.pair) : null)},
      leveled ? {name: 'Level', key: (sample) => sample.difficulty, cell: (sample) => cell('', 'Level', known(sample.difficulty) ? String(sample.difficulty) : '–')} : null,
      {name: 'Truth', key: (sample) => list(sample.truth)[0], cell: (sample) => cell('nowrap', 'Truth', regression ? values(sample.truth) : label(sample.truth))},
      {name: 'Predicted', key: (sample) => list(sample.predicted[sample.width_index])[0], cell: (sample) => {
        const said = sample.predicted[sample.width_index];
        return regression ? cell('nowrap', 'Predicted', values(said))
          : cell('nowrap ' + (right(sample, sample.width_index) ? 'right' : 'wrong'), 'Predicted', (right(sample, sample.width_index) ? '✓ ' : '✗ ') + label(said));
      }},
      {name: 'Tokens', key: (sample) => sample.tokens, cell: (sample) => cell('', 'Tokens', String(sample.tokens))},
      {name: 'Answer', key: (sample) => sample.width_index, cell: (sample) => cell('nowrap', 'Answer', swatch(widthColour(sample.width_index, run.answers.length)), run.answers[sample.width_index])},
      {name: marginName, key: (sample) => sample.router_margin, cell: (sample) => cell('', marginName, fixed(sample.router_margin, 2))},
      ...run.answers.map((width, w) => ({
        name: `At ${width}`,
        key: (sample) => (regression ? error(sample, w) : sample.confidence[w]),
        cell: (sample) => regression ? cell('', `At ${width}`, values(sample.predicted[w]))
          : cell('nowrap ' + (right(sample, w) ? 'right' : 'wrong'), `At ${width}`, (right(sample, w) ? '✓ ' : '✗ ') + (right(sample, w) || recorded.labels.length < 3 ? '' : label(sample.predicted[w]) + ' ') + percent(sample.confidence[w], 0)),
      })),
    ].filter(Boolean);

    let sortColumn = columns.findIndex((column) => column.name === marginName), descending = true, shown = 25;
    const search = html('input', {type: 'search', placeholder: 'Search the sentences', 'aria-label': 'Search the sentences', oninput: () => { shown = 25; update(); }});
    const filter = html('select', {'aria-label': 'Which sentences', onchange: () => { shown = 25; update(); }}, filters.map(([value, text]) => html('option', {value}, text)));
    const state = html('p', {class: 'note', 'aria-live': 'polite'});
    const more = html('button', {type: 'button', onclick: () => { shown += 100; update(); }}, 'Show more');
    const heads = columns.map((column, c) => html('th', {scope: 'col', class: c === 0 ? 'text' : null}, html('button', {type: 'button', onclick: () => {
      descending = c === sortColumn ? !descending : c !== 0;
      sortColumn = c;
      update();
    }}, column.name)));
    const body = html('tbody', {});
    const order = (wanted) => { sortColumn = columns.findIndex((column) => column.name === marginName); descending = wanted; shown = 25; update(); };

    function update() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const accepts = filters.find(([value]) => value === filter.value)[2];
      const found = samples.filter((sample) => accepts(sample) && words.every((word) => (sample.text + ' ' + (sample.pair || '')).toLowerCase().includes(word)));
      const key = columns[sortColumn].key;
      found.sort((a, b) => {
        const x = key(a), y = key(b);
        return (typeof x === 'string' ? x.localeCompare(y, 'en') : x - y) * (descending ? -1 : 1);
      });
      body.replaceChildren(...found.slice(0, shown).map((sample) => html('tr', {}, columns.map((column) => column.cell(sample)))));
      heads.forEach((head, c) => head.setAttribute('aria-sort', c !== sortColumn ? 'none' : descending ? 'descending' : 'ascending'));
      more.hidden = found.length <= shown;
      state.textContent = `${count(Math.min(shown, found.length))} of ${counted(found.length, 'sentence')} shown, by ${columns[sortColumn].name.toLowerCase()}, ${descending ? 'largest' : 'smallest'} first.` +
        (samples.length < recorded.all_samples ? ` The report holds the easiest and the hardest ${count(samples.length)} of ${count(recorded.all_samples)}.` : '');
    }
    const about = recorded.has_router ? 'The router’s margin is its logit for full width minus its logit for the narrowest width; the larger it is, the harder the sentence looks to the router.' : regression ? 'The hardest sentences are those where the narrowest width’s error is largest.' : 'The hardest sentences are those where the narrowest width gives the largest probability to wrong answers.';
    section('sentences', 'Easiest and hardest sentences', `${about} ${regression ? 'The last columns are the answers at each width.' : 'The last columns are each width’s answer: right or wrong, and the probability that it gives to the true label.'}`,
      html('div', {class: 'controls'}, search, filter, html('button', {type: 'button', onclick: () => order(true)}, 'Hardest first'), html('button', {type: 'button', onclick: () => order(false)}, 'Easiest first')),
      html('div', {class: 'scroll'}, html('table', {class: 'wide', id: 'sentence-table'}, html('thead', {}, html('tr', {}, heads)), body)), state, more);
    update();
  }

  // ---- Settings ------------------------------------------------------------------------------------------------

  function settingsSection() {
    const groups = [['Training', data.settings.training], ['Model', data.settings.model]].filter(([, rows]) => rows.length > 0);
    const rows = (settings) => settings.map((setting) => html('tr', {class: several && setting.differs ? 'differs' : null}, html('th', {scope: 'row'}, setting.key), setting.values.map((value) => html('td', {}, value === '' ? '–' : value))));
    const block = (settings) => html('div', {class: 'scroll'}, html('table', {class: 'settings'},
      html('thead', {}, html('tr', {}, html('th', {scope: 'col'}, 'Setting'), several ? runs.map((entry) => html('th', {scope: 'col'}, entry.name)) : html('th', {scope: 'col'}, 'Value'))),
      html('tbody', {}, rows(settings))));
    const element = section('settings', 'Settings and seeds', null,
      table(['Run', 'Folder', 'Evaluated on', 'Widths chosen by'], runs.map((entry) => [entry.name, entry.folder, entry.recorded ? entry.recorded.data : '–', entry.recorded ? entry.recorded.policy : '–']), {class: 'settings'}));
    if (several) {
      const different = groups.flatMap(([, settings]) => settings.filter((setting) => setting.differs));
      element.append(html('h3', {style: 'margin-top:1rem'}, 'What differs'), different.length ? block(different) : html('p', {}, 'Nothing: all settings are the same.'));
    }
    for (const [name, settings] of groups)
      element.append(html('details', {open: several || name === 'Model' ? null : ''}, html('summary', {}, `${name}: ${counted(settings.length, 'setting')}`), block(settings)));
  }

  // ---- Page ----------------------------------------------------------------------------------------------------

  const details = [classesSection, routerSection, difficultySection, callsSection, latencySection, widthsSection, sentencesSection];
  function drawDetails(run) {
    hideTip();
    const links = new Set([...contents.children]);
    for (const section of main.querySelectorAll('section[data-detail]')) {
      for (const link of links) if (link.firstChild.getAttribute('href') === '#' + section.id) link.remove();
      section.remove();
    }
    const before = main.querySelector('#settings'), beforeLink = [...contents.children].find((link) => link.firstChild.getAttribute('href') === '#settings');
    for (const draw of details) {
      const had = new Set(main.querySelectorAll('section'));
      draw(run);
      for (const section of main.querySelectorAll('section')) {
        if (had.has(section)) continue;
        section.dataset.detail = '';
        if (before) {
          main.insertBefore(section, before);
          contents.insertBefore(contents.lastChild, beforeLink);
        }
      }
    }
    drawNew();
  }
  function chooser() {
    if (!several) return;
    const choices = runs.map((run, i) => {
      const radio = html('input', {type: 'radio', name: 'run', value: i, onchange: () => drawDetails(run)});
      radio.checked = i === 0;
      return html('label', {}, radio, ' ', swatch(runColour(i)), run.name);
    });
    main.append(html('section', {id: 'chooser', 'aria-label': 'Run whose details are shown below'}, html('fieldset', {}, html('legend', {}, 'Details of'), choices)));
  }

  const themeButton = document.getElementById('theme');
  const darkSystem = window.matchMedia('(prefers-color-scheme: dark)');
  let theme = 'auto';
  function applyTheme() {
    document.documentElement.dataset.theme = theme === 'auto' ? (darkSystem.matches ? 'dark' : 'light') : theme;
    themeButton.textContent = `Theme: ${theme}`;
  }
  themeButton.addEventListener('click', () => {
    theme = {auto: 'light', light: 'dark', dark: 'auto'}[theme];
    applyTheme();
  });
  darkSystem.addEventListener('change', applyTheme);
  themeButton.hidden = false;
  applyTheme();

  summary();
  costSection();
  trainingSection();
  chooser();
  settingsSection();
  drawDetails(runs[0]);
  document.querySelector('header').after(html('nav', {'aria-label': 'Sections', style: 'max-width:1060px;margin:0.75rem auto 0;padding:0 1rem'}, contents));
})();
