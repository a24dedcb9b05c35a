/** Names of colours, in the light and in the dark. */
export const TOKENS = `
:root {
  color-scheme: light dark;
  --back: #ffffff;
  --raised: #f3f5f7;
  --ink: #16202c;
  --dim: #5b6672;
  --line: #dde2e7;
  --rate: #1f5fa8;
  --bar: #6f9fce;
  --bad: #a8123e;
  --marker: #6b3fa0;
  --band: #fdecd9;
  --t0: #9db2c9;
  --t1: #aaa382;
  --t2: #e98a1f;
  --t3: #d9541e;
  --t4: #a8123e;
  --gap: #eceef1;
  --hatch: #b4bbc4;
  --base: #c3cad2;
  --p50: #16202c;
  --p99: #b4400a;
  --halo: #ffffff;
  --h1: #deebf7;
  --h2: #c1d9ed;
  --h3: #9ac4df;
  --h4: #6aabd2;
  --h5: #4190c3;
  --h6: #2171b5;
  --h7: #0d519c;
  --h8: #08306b;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --back: #12161b;
    --raised: #1c222a;
    --ink: #e6eaef;
    --dim: #98a3b0;
    --line: #2c343d;
    --rate: #7db4ee;
    --bar: #3f74ab;
    --bad: #ff8095;
    --marker: #c3a4f0;
    --band: #35291b;
    --t0: #52697f;
    --t1: #7b7860;
    --t2: #e08a2a;
    --t3: #f4713c;
    --t4: #ff7d93;
    --gap: #1f252d;
    --hatch: #48525e;
    --base: #3d4752;
    --p50: #ffffff;
    --p99: #ffb37a;
    --halo: #0b0e12;
    --h1: #14273d;
    --h2: #173a5e;
    --h3: #1c5183;
    --h4: #2869a7;
    --h5: #3e85c6;
    --h6: #66a5df;
    --h7: #9dc9f0;
    --h8: #ddeefc;
  }
}
`
