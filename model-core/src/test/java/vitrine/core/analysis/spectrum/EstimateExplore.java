package vitrine.core.analysis.spectrum;
import java.util.*;
public class EstimateExplore {
    public static void main(String[] a) {
        int n = Integer.parseInt(a[0]); int seeds = Integer.parseInt(a[1]); int steps = Integer.parseInt(a[2]);
        Map<String,double[]> kinds = new LinkedHashMap<>();
        kinds.put("mp square", mp(n, 1)); kinds.put("mp 4:1", mp(n, .25));
        kinds.put("pow .5", pow(n,.5)); kinds.put("pow 1", pow(n,1)); kinds.put("exp", exp(n)); kinds.put("mp+outliers", out(n)); kinds.put("two levels", two(n)); kinds.put("mp+1huge", huge(n));
        for (var e : kinds.entrySet()) {
            double[] s = e.getValue(); SpectralMeasures m = SpectralMeasures.of(s, n, n);
            int c1=0,c2=0,c3=0,c4=0,c5=0,c6=0; double rel=0, bias=0, half=0; int kept=0; double floor=0;
            long t=System.nanoTime();
            for (int seed=0; seed<seeds; seed++) {
                HadamardOperator op = new HadamardOperator(s, seed);
                SpectralEstimate q = SpectralEstimate.of(op, m.frobeniusNorm()*m.frobeniusNorm(), seed*77L+1, Math.min(SpectralEstimate.TOP,n/8), steps);
                c1+=q.effectiveRank().covers(m.effectiveRank())?1:0; c2+=q.effectiveRankSquared().covers(m.effectiveRankSquared())?1:0; c3+=q.participationRatio().covers(m.participationRatio())?1:0; c4+=q.nuclearNorm().covers(m.nuclearNorm())?1:0; c5+=q.spectralNorm().covers(m.spectralNorm())?1:0; c6+=q.stableRank().covers(m.stableRank())?1:0;
                rel+=q.effectiveRank().error()/q.effectiveRank().value()/seeds; bias+=(q.effectiveRank().value()/m.effectiveRank()-1)/seeds; kept+=q.top().length; floor+=q.floorShare()/seeds;
            }
            System.out.printf("%-12s er1 %.1f cover er1 %.3f er2 %.3f pr %.3f nuc %.3f norm %.3f stable %.3f | rel half width %.4f bias %.1e kept %.1f floor %.1e  %.1f ms%n", e.getKey(), m.effectiveRank(), c1/(double)seeds,c2/(double)seeds,c3/(double)seeds,c4/(double)seeds,c5/(double)seeds,c6/(double)seeds,rel,bias,kept/(double)seeds,floor,(System.nanoTime()-t)/1e6/seeds);
        }
    }
    static double[] mp(int n, double c){ double[] s=new double[n]; // quantiles by numeric inversion
        int N=200000; double[] x=new double[N], cum=new double[N]; double tot=0; for(int i=0;i<N;i++){double phi=Math.PI*(1-(i+.5)/N); double xx=1+c+2*Math.sqrt(c)*Math.cos(phi); x[i]=xx; tot+=2*Math.sin(phi)*Math.sin(phi)/(Math.PI*xx); cum[i]=tot;} int j=0; for(int k=0;k<n;k++){ while(j<N-1&&cum[j]<(k+.5)/n*tot) j++; s[n-1-k]=Math.sqrt(x[j]);} return s; }
    static double[] pow(int n,double a){double[] s=new double[n];for(int i=0;i<n;i++)s[i]=Math.pow(i+1,-a);return s;}
    static double[] exp(int n){double[] s=new double[n];for(int i=0;i<n;i++)s[i]=Math.exp(-5.0*i/n);return s;}
    static double[] out(int n){double[] s=mp(n,1);for(int i=0;i<20;i++)s[i]+=5.0/(i+1);Arrays.sort(s);rev(s);return s;}
    static double[] huge(int n){double[] s=mp(n,1);s[0]=60;return s;}
    static double[] two(int n){double[] s=new double[n];for(int i=0;i<n;i++)s[i]=i<n/2?1:.01;return s;}
    static void rev(double[] s){for(int i=0;i<s.length/2;i++){double t=s[i];s[i]=s[s.length-1-i];s[s.length-1-i]=t;}}
}
