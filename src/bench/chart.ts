import uPlot from "uplot";
import type { RecordedFrame } from "./recorder.ts";

/** Fits two engines on a screen of 1080 lines. */
const HEIGHT_PX = 180;
/** Text colour, with a contrast of at least 6.9:1 on the panel's background. */
const INK = "#c9d1da";
const GRID = "#232b35";
const FONT = '14px "Atkinson Hyperlegible", system-ui, sans-serif';
const TOTAL = "#5db4ff";
const INTERVAL = "#ffc83d";

/**
 * Draw a chart of the run: each frame's time in the worker, and the interval between answers. The chart follows the
 * width of its place.
 *
 * @param place Element that the chart is added to.
 * @param frames Two or more, oldest first.
 * @param signal Aborts to remove the chart.
 */
export function drawFrameTimes(place: HTMLElement, frames: readonly RecordedFrame[], signal: AbortSignal): void {
  const chart = new uPlot(optionsFor(place.clientWidth), dataOf(frames), place);
  const resized = new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: HEIGHT_PX }));
  resized.observe(place);
  signal.addEventListener("abort", () => {
    resized.disconnect();
    chart.destroy();
  });
}

function dataOf(frames: readonly RecordedFrame[]): uPlot.AlignedData {
  const startMs = frames[0]!.arrivedMs;
  return [
    frames.map(({ arrivedMs }) => (arrivedMs - startMs) / 1000),
    frames.map(({ timings }) => timings.total),
    frames.map(({ arrivedMs }, index) => (index === 0 ? null : arrivedMs - frames[index - 1]!.arrivedMs)),
  ];
}

function optionsFor(width: number): uPlot.Options {
  const axis: uPlot.Axis = { stroke: INK, font: FONT, grid: { stroke: GRID, width: 1 }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false }, y: { range: (_chart, _least, most) => [0, Math.max(most, 1) * 1.1] } },
    axes: [
      { ...axis, space: 80, values: (_chart, seconds) => seconds.map((second) => `${second} s`) },
      { ...axis, size: 72, values: (_chart, times) => times.map((timeMs) => `${timeMs} ms`) },
    ],
    series: [
      {},
      { stroke: TOTAL, width: 1.5, points: { show: false } },
      { stroke: INTERVAL, width: 1, points: { show: false } },
    ],
  };
}
