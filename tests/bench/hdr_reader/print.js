// node print.js LOG FOLDER: what hdr-histogram-js prints of each histogram of the log, in FOLDER/TAG.
const fs = require("fs");
const path = require("path");
const hdr = require("hdr-histogram-js");

const [log, folder] = process.argv.slice(2);
const reader = new hdr.HistogramLogReader(fs.readFileSync(log, "utf8"), 64);
for (let histogram; (histogram = reader.nextIntervalHistogram()) !== null; ) {
  fs.writeFileSync(path.join(folder, histogram.tag), histogram.outputPercentileDistribution());
  console.log(histogram.tag, histogram.startTimeStampMsec, histogram.endTimeStampMsec);
}
