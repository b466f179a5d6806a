"""The look of reports in HTML: light and dark, narrow and printed; one style sheet inside the page."""

STYLE = """
:root{--bg:#fdfcfa;--fg:#1d2327;--dim:#59646c;--rule:#d9d5cd;--line:#1f5a94;--target:#b3400f;--card:#f3f0ea;
--h0:#faf3ea;--h1:#f6e3cb;--h2:#f0cba2;--h3:#e6ac72;--h4:#d1834a;--h5:#a9562a;--h6:#7a3315;--light:#fff;
--g1:#d9e6f3;--g2:#9fc3e4;--g3:#2f6fae;--b1:#f6e3cb;--b2:#e6ac72;--b3:#a9562a}
@media screen and (prefers-color-scheme:dark){:root{--bg:#15191c;--fg:#e6e3dd;--dim:#a2abb1;--rule:#394046;
--line:#7ab5ec;--target:#f0955f;--card:#1e2428;--h0:#1e2428;--h1:#33291f;--h2:#4d3622;--h3:#6f4625;--h4:#955a2a;--h5:#c87f45;
--h6:#f2b27a;--g1:#1f2f3e;--g2:#2d567d;--g3:#7ab5ec;--b1:#33291f;--b2:#6f4625;--b3:#f2b27a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);
font:16px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
main,footer{max-width:72rem;margin:0 auto;padding:0 1.25rem}
h1{font-size:1.7rem;line-height:1.2;margin:2rem 0 .5rem}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-top:1px solid var(--rule);padding-top:1rem}
h3{font-size:1rem;margin:1.4rem 0 .4rem}
p{max-width:46rem;margin:.5rem 0}
ul{max-width:46rem;margin:.5rem 0;padding-left:1.2rem}
.lead{font-size:1.15rem;font-weight:600}
body{overflow-wrap:anywhere}
footer{color:var(--dim);font-size:.85rem;margin-top:2.5rem;padding-bottom:2rem}
.none{color:var(--dim)}
.wide{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption{text-align:left;padding:.3rem 0;color:var(--fg)}
caption span{position:sticky;left:0;display:inline-block;max-width:min(46rem,calc(100vw - 2.5rem))}
th,td{padding:.32rem .65rem .32rem 0;text-align:left;border-bottom:1px solid var(--rule);vertical-align:top;
white-space:nowrap}
th.l,td.l{white-space:normal;min-width:10rem}
th{font-weight:600}
thead th{color:var(--dim);font-weight:500;vertical-align:bottom;white-space:normal}
td.n,th.n{text-align:right}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.8rem;margin:1rem 0}
.tiles div{background:var(--card);border:1px solid var(--rule);border-radius:.4rem;padding:.7rem .9rem}
.tiles dt{color:var(--dim);font-size:.85rem}
.tiles dd{margin:0;font-size:1.6rem;font-weight:600;line-height:1.25}
.tiles small{display:block;font-size:.85rem;font-weight:400;color:var(--dim)}
.legend{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem;
font-size:.9rem;max-width:46rem;margin:.8rem 0}
.legend dt{font-weight:600}
.legend dd{margin:0}
figure{margin:1rem 0}
figcaption{font-size:.9rem;max-width:46rem}
svg.curve{width:100%;max-width:46rem;height:auto;display:block}
svg text{fill:var(--fg);font-size:14px;font-family:inherit}
svg .small{font-size:12px;fill:var(--dim)}
svg .halo{paint-order:stroke;stroke:var(--bg);stroke-width:4px;fill:var(--fg)}
svg .strong{font-weight:600;fill:var(--target)}
svg .rule{stroke:var(--rule);stroke-width:1}
svg .line{fill:none;stroke:var(--line);stroke-width:2.5}
svg .target{stroke:var(--target);stroke-width:2;stroke-dasharray:6 4}
svg .dot{fill:var(--target)}
svg .mark{fill:var(--line)}
@media (max-width:40rem){.legend{grid-template-columns:1fr;gap:0}.legend dd{margin-bottom:.5rem}
svg text,svg .strong{font-size:24px}svg .small{font-size:21px}}
table.heat th,table.heat td{text-align:center;padding:.28rem .1rem;min-width:2.1rem;
border:1px solid var(--bg);font-size:.8rem}
table.heat th[scope=row]{text-align:right;padding-right:.5rem}
.heat td{color:var(--fg)}
.heat .no{color:var(--dim)}
.heat .h0{background:var(--h0)}.heat .h1{background:var(--h1)}.heat .h2{background:var(--h2)}
.heat .h3{background:var(--h3)}.heat .h4{background:var(--h4)}.heat .h5{background:var(--h5)}
.heat .h6{background:var(--h6)}
.heat .good1{background:var(--g1)}.heat .good2{background:var(--g2)}.heat .good3{background:var(--g3)}
.heat .bad1{background:var(--b1)}.heat .bad2{background:var(--b2)}.heat .bad3{background:var(--b3)}
.heat .h5,.heat .h6,.heat .good3,.heat .bad3{color:var(--light)}
@media screen and (prefers-color-scheme:dark){.heat .h5,.heat .h6,.heat .good3,.heat .bad3{color:#15191c}}
@media print{:root{color-scheme:light}body{font-size:11pt;background:#fff}main,footer{max-width:none;padding:0}
section{break-inside:auto}figure,tr,.tiles{break-inside:avoid}h2,caption{break-after:avoid}
.wide{overflow:visible}table{font-size:8.5pt}th,td{white-space:normal;padding-right:.45rem}td.n{white-space:nowrap}
th.l,td.l{min-width:0}caption span{max-width:none}table.heat th,table.heat td{min-width:0;font-size:7.5pt}
.heat td,.tiles div{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""
